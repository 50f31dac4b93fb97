/** Disaster recovery in miniature: from a stopped service's files to a service that is open again. */
import { asSeqno, asView, type Disk, SeededRandom, toHex } from '@coco/base';
import {
  endorsementWrites,
  LedgerSecrets,
  NonceGuard,
  type RecoveredLedger,
  recoverLedger,
  Sequencer,
} from '../src/index.ts';
import {
  type Identity,
  type SampleOptions,
  SampleService,
  serviceInfo,
  signerOf,
  testTimeMs,
  writes,
} from './sample-service.ts';

/** Reads the files back and starts the recovered service; it is not open yet. */
export async function beginRecovery(options: SampleOptions): Promise<{
  readonly service: SampleService;
  readonly ledger: RecoveredLedger;
}> {
  const folder = options.folder ?? 'ledger';
  const ledger = await recoverLedger({ disk: options.disk, folder });
  await ledger.truncate();
  const random = new SeededRandom(options.seed ?? 77);
  const fromSeqno = asSeqno(ledger.lastId.seqno + 1);
  const secrets = new LedgerSecrets([{ fromSeqno, key: random.bytes(32) }]);
  const guard = new NonceGuard();
  const sequencer = new Sequencer({
    view: asView(ledger.highestView + 2),
    start: 'recovery',
    tree: ledger.tree,
    secrets,
    guard,
    signer: { ...signerOf(options.identity), ...ledger.signerNames },
    committed: ledger.lastId.seqno,
    ...(options.chunkBytes === undefined ? {} : { chunkBytes: options.chunkBytes }),
  });
  const files = ledger.openFiles();
  const service = new SampleService(options, { guard, secrets, sequencer, files, random });
  service.append(writes(serviceInfo(options.identity, 'Recovering')));
  await service.sign();
  return { service, ledger };
}

/** The members' shares are in: reads the private part and opens the service. */
export async function endRecovery(
  recovering: { readonly service: SampleService; readonly ledger: RecoveredLedger },
  before: { readonly identity: Identity; readonly secrets: LedgerSecrets },
): Promise<{ readonly privateRows: readonly string[] }> {
  const { service, ledger } = recovering;
  service.append(writes(serviceInfo(service.identity, 'WaitingForRecoveryShares')));
  await service.sign();
  const privateRows: string[] = [];
  await ledger.replayPrivate(before.secrets, (batch) => {
    for (const { writeSet } of batch) {
      for (const { name, rows } of writeSet.maps) {
        if (name === 'coco.records') privateRows.push(...rows.map(({ key }) => toHex(key)));
      }
    }
  });
  service.secrets.prepend(before.secrets.chain);
  const open = writes(serviceInfo(service.identity, 'Open'));
  const endorsement = endorsementWrites({
    endorsingKey: service.identity.key,
    endorsedSpki: before.identity.key.spki,
    issuedAtSeconds: testTimeMs / 1000,
    epochBegin: { view: asView(2), seqno: asSeqno(1) },
    epochEnd: { id: ledger.lastId, root: ledger.root },
  });
  service.append({ maps: [...open.maps, endorsement] });
  await service.sign();
  await service.files.endRecovery();
  return { privateRows };
}

/** Both halves at once. */
export async function recoverSample(
  options: SampleOptions,
  before: { readonly identity: Identity; readonly secrets: LedgerSecrets },
): Promise<SampleService> {
  const recovering = await beginRecovery(options);
  await endRecovery(recovering, before);
  return recovering.service;
}

/** A copy of a disk's folder, to be damaged. */
export async function copyFolder(from: Disk, to: Disk, folder = 'ledger'): Promise<void> {
  for (const name of await from.list(folder)) {
    const bytes = await from.readFile(`${folder}/${name}`, Number.MAX_SAFE_INTEGER);
    await writeFile(to, `${folder}/${name}`, bytes);
  }
  await to.syncFolder(folder);
}

/** Replaces a file's content. */
export async function writeFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const folder = path.slice(0, path.lastIndexOf('/'));
  const exists = (await disk.list(folder)).some((name) => path === `${folder}/${name}`);
  if (exists) await disk.remove(path);
  const file = await disk.open(path, { create: true });
  await file.write(0, bytes);
  await file.datasync();
  await file.close();
}
