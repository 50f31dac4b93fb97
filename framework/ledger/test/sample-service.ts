/**
 * A service in miniature for tests: it has an identity, a ledger on a disk, and writes batches as
 * the node would, with the least tables that an auditor wants to see.
 */
import {
  asSeqno,
  asView,
  type Disk,
  encodeJson,
  type JsonValue,
  SeededRandom,
  type Seqno,
  utf8Encode,
  type View,
} from '@coco/base';
import { type CurveName, createCertificate, SigningKey } from '@coco/crypto';
import type { WriteRow, WriteSet } from '@coco/kv';
import {
  type Batch,
  chunkBytesDefault,
  createLedgerFiles,
  createLedgerTree,
  type Entry,
  type LedgerFiles,
  LedgerSecrets,
  NonceGuard,
  Sequencer,
  type SignerName,
  singletonKey,
} from '../src/index.ts';

/** 2026-01-01: certificates and signatures of tests are dated from here. */
export const testTimeMs = 1_767_225_600_000;

export interface Identity {
  readonly key: SigningKey;
  readonly certificatePem: string;
}

export async function createIdentity(curve: CurveName = 'P-256'): Promise<Identity> {
  const key = SigningKey.generate(curve);
  const certificatePem = await createCertificate({
    subject: 'CCF Service',
    key,
    isAuthority: true,
    notBeforeMs: testTimeMs,
    days: 365,
  });
  return { key, certificatePem };
}

export function row(key: string | Uint8Array, value: string | Uint8Array | undefined): WriteRow {
  const bytes = (part: string | Uint8Array) => (typeof part === 'string' ? utf8Encode(part) : part);
  return { key: bytes(key), value: value === undefined ? undefined : bytes(value) };
}

function jsonRow(key: string | Uint8Array, value: JsonValue): WriteRow {
  return row(key, encodeJson(value));
}

/** A write set from a record of maps; rows must be given in order. */
export function writes(maps: Readonly<Record<string, WriteRow[]>>): WriteSet {
  const names = Object.keys(maps).sort();
  return { maps: names.map((name) => ({ name, rows: maps[name] ?? [] })) };
}

export function serviceInfo(identity: Identity, status: string): Record<string, WriteRow[]> {
  const info = { cert: identity.certificatePem, status };
  return { 'public:ccf.gov.service.info': [jsonRow(singletonKey, info)] };
}

export interface SampleOptions {
  readonly disk: Disk;
  readonly folder?: string;
  readonly identity: Identity;
  readonly chunkBytes?: number;
  readonly seed?: number;
}

export class SampleService {
  readonly at: { readonly disk: Disk; readonly folder: string };
  readonly identity: Identity;
  readonly guard: NonceGuard;
  readonly secrets: LedgerSecrets;
  readonly sequencer: Sequencer;
  readonly files: LedgerFiles;
  readonly random: SeededRandom;
  readonly entries: Entry[] = [];
  readonly batches: Batch[] = [];

  constructor(
    options: SampleOptions,
    parts: {
      readonly guard: NonceGuard;
      readonly secrets: LedgerSecrets;
      readonly sequencer: Sequencer;
      readonly files: LedgerFiles;
      readonly random: SeededRandom;
    },
  ) {
    this.at = { disk: options.disk, folder: options.folder ?? 'ledger' };
    this.identity = options.identity;
    this.guard = parts.guard;
    this.secrets = parts.secrets;
    this.sequencer = parts.sequencer;
    this.files = parts.files;
    this.random = parts.random;
  }

  static async create(options: SampleOptions): Promise<SampleService> {
    const random = new SeededRandom(options.seed ?? 1);
    const guard = new NonceGuard();
    const secrets = new LedgerSecrets([{ fromSeqno: asSeqno(1), key: random.bytes(32) }]);
    const sequencer = new Sequencer({
      view: asView(2),
      start: 'genesis',
      tree: createLedgerTree(),
      secrets,
      guard,
      signer: signerOf(options.identity),
      committed: asSeqno(0),
      chunkBytes: options.chunkBytes ?? chunkBytesDefault,
    });
    const at = { disk: options.disk, folder: options.folder ?? 'ledger' };
    const files = await createLedgerFiles(at);
    return new SampleService(options, { guard, secrets, sequencer, files, random });
  }

  append(writeSet: WriteSet, claimsDigest?: Uint8Array): Entry {
    const entry = this.sequencer.append(writeSet, claimsDigest ? { claimsDigest } : {});
    this.entries.push(entry);
    return entry;
  }

  /** The genesis entries: creating transaction, opening. */
  async open(): Promise<void> {
    const member = [jsonRow('00'.repeat(32), { status: 'Active' })];
    this.append(
      writes({ 'public:ccf.gov.members.info': member, ...serviceInfo(this.identity, 'Opening') }),
    );
    await this.sign();
    this.append(writes(serviceInfo(this.identity, 'Open')));
    await this.sign();
  }

  /** Some private entries with a public row here and there. */
  write(count: number): void {
    for (let at = 0; at < count; at++) {
      const claims = at % 3 === 1 ? this.random.bytes(32) : undefined;
      const key = `key ${this.sequencer.nextSeqno}`;
      const maps: Record<string, WriteRow[]> = {
        'coco.records': [row(key, this.random.bytes(20 + this.random.below(60)))],
      };
      if (at % 4 === 2) maps['public:coco.sample'] = [row('gone', undefined), row(key, 'in clear')];
      this.append(writes(maps), claims);
    }
  }

  /** Closes the open batch without writing it. */
  seal(): Batch {
    const pending = this.sequencer.closeBatch(Math.floor(testTimeMs / 1000) + 1);
    const batch = this.sequencer.completeBatch(this.identity.key.sign(pending.input));
    this.batches.push(batch);
    return batch;
  }

  /** Closes the open batch, writes, flushes and commits it. */
  async sign(): Promise<Batch> {
    const batch = this.seal();
    await this.files.append([batch]);
    await this.files.flush();
    await this.commit(batch.signatureId.seqno);
    return batch;
  }

  async commit(seqno: Seqno): Promise<void> {
    this.sequencer.commit(seqno);
    await this.files.commit(seqno);
  }

  /** An election: everything after `to` is dropped, and the new view opens. */
  async elect(view: View, to: Seqno): Promise<void> {
    this.sequencer.rollback({ to, view });
    await this.files.truncateAfter(to);
    while ((this.batches.at(-1)?.signatureId.seqno ?? 0) > to) this.batches.pop();
    while ((this.entries.at(-1)?.id.seqno ?? 0) > to) this.entries.pop();
    await this.sign();
  }
}

export function signerOf(identity: Identity): SignerName {
  const { algorithm, id } = identity.key;
  return { algorithm, keyId: id, issuer: 'service.example.com', subject: 'ledger.signature' };
}
