/** Services that lie and clients that dial them: what the tests share. For tests only. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { LedgerError } from '@coco/base';
import {
  type Client,
  type ConnectOptions,
  connect,
  forgetfulMemory,
  type MemoryStore,
} from '../src/index.ts';
import { endorse, type FakeLedger, idOf } from './fake-ledger.ts';
import { type FakeParts, FakeService, makeParts, measurement } from './fake-service.ts';

export const services: FakeService[] = [];
after(async () => {
  for (const service of services) await service.stop();
});

export async function start(
  options: { parts?: FakeParts; ledger?: FakeLedger } = {},
): Promise<FakeService> {
  const service = await FakeService.start(options);
  services.push(service);
  return service;
}

export const hasCode =
  (code: string, check?: string) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof LedgerError, String(error));
    assert.equal(error.code, code);
    if (check) assert.equal(error.metadata.check, check);
    return true;
  };

export function dial(
  service: FakeService,
  memory: MemoryStore = forgetfulMemory(),
  options: Partial<ConnectOptions> = {},
): Promise<Client> {
  return connect({
    url: service.url,
    pin: { developmentRoot: service.parts.root.spki, measurements: [measurement] },
    memory,
    limits: { behindGraceMs: 0, timeoutMs: 5_000 },
    ...options,
  });
}

/** A connection whose memory holds the receipt of 2.6 and the commit 2.8. */
export async function remembered(service: FakeService): Promise<MemoryStore> {
  const memory = forgetfulMemory();
  const client = await dial(service, memory);
  await client.receipt('2.6');
  client.close();
  return memory;
}

/** A recovery: new keys and view, the history kept up to `seqno`, the old key endorsed. */
export async function recover(
  old: FakeService,
  seqno: number,
  begin = '2.1',
): Promise<FakeService> {
  const { root, serviceKey } = old.parts;
  const ledger = old.ledger.copy(seqno);
  const parts = await makeParts({ root });
  const end = idOf(`${ledger.viewAt(seqno)}.${seqno}`);
  const endorsement = endorse({
    key: parts.serviceKey,
    endorsed: serviceKey,
    begin,
    end,
    root: ledger.root(seqno),
  });
  ledger.view += 2;
  ledger.append('recovery');
  ledger.sign(parts.serviceKey);
  const service = await start({ parts, ledger });
  service.endorsements = [endorsement, ...old.endorsements];
  return service;
}
