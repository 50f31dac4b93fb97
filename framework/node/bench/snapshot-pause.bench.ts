/**
 * How long a snapshot holds the main thread of a primary at once, in a network of three nodes that
 * serves a load meanwhile: each step by the node's own clock, as it logs it. Printed only if every
 * acknowledged write is there. `npm run bench -- snapshot-pause`; ends with 1 over the bar.
 *
 * By the clock of the wall: what else runs on the machine counts.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8Encode } from '@coco/base';
import { TestNetwork } from '../test/network-harness.ts';
import { Asker, NoteClients } from '../test/note-clients.ts';

/** The bar. */
const stepMsMax = 20;
const [rowCount, rowBytes, clientCount, rounds] = [2_000, 16_000, 8, 5];

const network = await TestNetwork.create({ processes: true });
try {
  const first = await network.start();
  await network.grow();
  await network.openService();
  await network.grow();
  await first.untilLogged('consensus.configuration', { voters: 3, learners: 0 });
  const primary = await network.untilPrimary();
  for (let at = 0; at < rowCount; at += clientCount) {
    const names = Array.from({ length: clientCount }, (_, of) => `row-${at + of}`);
    const body = utf8Encode('x'.repeat(rowBytes));
    await Promise.all(
      names.map((name) => primary.ask(`/app/notes/${name}`, { method: 'POST', body })),
    );
  }
  const asker = new Asker(await readFile(join(primary.folder, 'service_cert.pem'), 'utf8'));
  const addresses = network.running.map(({ address }) => address);
  const clients = new NoteClients({ asker, count: clientCount, addresses: () => addresses });
  const steps: number[] = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round++) {
    const from = primary.events.length;
    await network.decide([{ name: 'trigger_snapshot' }]);
    const { fields } = await primary.untilLogged('snapshot.made', {}, from);
    steps.push(Number(fields.longestStepMs));
    bytes = Number(fields.bytes);
  }
  await clients.stop();
  let lost = 0;
  for (const { key, value } of clients.written) {
    const { text } = await asker.ask(primary.address, `/app/notes/${key}`, { waitMs: 5_000 });
    if (text !== value) lost++;
  }
  asker.close();
  if (lost > 0) {
    console.error(`${lost} acknowledged writes are not there: no figures.`);
    process.exitCode = 1;
  } else {
    const longest = Math.max(...steps);
    console.log(
      `${rounds} snapshots of ${(bytes / 2 ** 20).toFixed(1)} MiB on three nodes, ` +
        `${clients.written.length} writes acknowledged meanwhile, all there`,
    );
    console.log(
      `longest step  ${longest.toFixed(1)} ms (budget ${stepMsMax} ms): ${steps.join(', ')}`,
    );
    process.exitCode = longest <= stepMsMax ? 0 : 1;
  }
} finally {
  await network.remove();
}
