/** A ledger with everything that happens to one, for the sets of damaged ledgers. */
import { asSeqno, asView, MemoryDisk, SeededRandom, type TransactionId } from '@coco/base';
import type { DamageSource } from './damage-files.ts';
import type { Files } from './forge-ledger.ts';
import { recoverSample } from './sample-recovery.ts';
import { createIdentity, SampleService } from './sample-service.ts';

const folder = 'ledger';
const chunkBytes = 6000;

export interface WrittenSource extends DamageSource {
  readonly service: SampleService;
  readonly last: TransactionId;
}

async function filesOf(disk: MemoryDisk): Promise<Files> {
  const names = await disk.list(folder);
  const files = await Promise.all(names.map((name) => disk.readFile(`${folder}/${name}`, 1e8)));
  return new Map(names.map((name, at) => [name, files[at] ?? new Uint8Array(0)]));
}

async function batches(service: SampleService, count: number, entries: number): Promise<void> {
  for (let batch = 0; batch < count; batch++) {
    service.write(entries);
    await service.sign();
  }
}

/** Chunks, elections, a rekey, two recoveries, an open file at the end. */
async function writeLedger(seed: number): Promise<{
  readonly files: Files;
  readonly earlier: Files;
  readonly service: SampleService;
}> {
  const disk = new MemoryDisk();
  const identity = await createIdentity();
  let service = await SampleService.create({ disk, identity, chunkBytes, seed });
  await service.open();
  await batches(service, 2, 5);
  service.write(2);
  await service.elect(asView(3), service.sequencer.committed);
  const { seqno } = service.append({
    maps: [
      { name: 'public:coco.sample', rows: [{ key: new Uint8Array(1), value: identity.key.spki }] },
    ],
  }).id;
  service.sequencer.rekey(asSeqno(seqno + 1), new SeededRandom(seed + 100).bytes(32));
  await batches(service, 2, 4);
  for (let recovery = 0; recovery < 2; recovery++) {
    await service.files.close();
    const options = { disk, identity: await createIdentity(), chunkBytes, seed: seed + recovery };
    service = await recoverSample(options, service);
    await batches(service, 1, 5);
  }
  // The newest file of the earlier state is open, and complete later.
  while (service.files.fileNames.at(-1)?.includes('-')) await batches(service, 1, 1);
  const earlier = await filesOf(disk);
  await batches(service, 4, 5);
  await batches(service, 1, 1);
  return { files: await filesOf(disk), earlier, service };
}

export async function writeDamageSource(seed: number): Promise<WrittenSource> {
  const [own, other] = [await writeLedger(seed), await writeLedger(seed + 50)];
  const last = own.service.batches.at(-1)?.signatureId ?? { view: asView(0), seqno: asSeqno(0) };
  return { ...own, foreign: other.files, last };
}

export async function diskWith(files: Files): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder(folder);
  for (const [name, bytes] of files) {
    const file = await disk.open(`${folder}/${name}`, { create: true });
    await file.write(0, bytes);
    await file.close();
  }
  return disk;
}
