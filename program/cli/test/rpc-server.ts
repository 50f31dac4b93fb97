/** An HTTP server that answers each JSON-RPC call with the next of the given bodies. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export async function withRpcServer<Result>(
  bodies: readonly string[],
  act: (url: string) => Promise<Result>,
): Promise<Result> {
  const waiting = [...bodies];
  const server = createServer((_request, reply) => reply.end(waiting.shift()));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  try {
    return await act(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
}
