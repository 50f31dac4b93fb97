/** Talking bytes to a port, for clients that keep no rule of HTTP. */
import type { Socket } from 'node:net';

/** Everything that comes until the peer ends, while `write` sends what it likes. */
export async function conversation(
  socket: Socket,
  write: (isOver: () => boolean) => Promise<void>,
): Promise<string> {
  let text = '';
  let isOver = false;
  const closed = new Promise<void>((resolve) => {
    const end = () => {
      isOver = true;
      resolve();
    };
    socket.on('close', end);
    socket.on('end', end);
  });
  socket.on('data', (part) => {
    text += part.toString('latin1');
  });
  await write(() => isOver);
  await closed;
  socket.destroy();
  return text;
}

export async function send(socket: Socket, bytes: Uint8Array | string): Promise<void> {
  if (socket.write(bytes)) return;
  const events = ['drain', 'close', 'end'] as const;
  await new Promise<void>((resolve) => {
    const go = () => {
      for (const event of events) socket.off(event, go);
      resolve();
    };
    for (const event of events) socket.on(event, go);
  });
}
