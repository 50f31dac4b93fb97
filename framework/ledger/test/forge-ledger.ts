/**
 * Ledgers that a misbehaving service wrote: every hash and every signature fits, and still they are
 * no ledgers. Each forgery breaks one rule. Needs the service's key: no damage gives these.
 */
import { asSeqno, asView, concatBytes, SeededRandom, signatureInput, utf8Encode } from '@coco/base';
import { sha256 } from '@coco/crypto';
import type { WriteSet } from '@coco/kv';
import { commitEvidence } from '../src/commit-evidence.ts';
import {
  createLedgerTree,
  decodeEntry,
  encodeEntry,
  entryFlag,
  LedgerSecrets,
  leafOf,
  NonceGuard,
  zeroDigest,
} from '../src/index.ts';
import { signatureHeader, signatureWriteSet } from '../src/signature-entry.ts';
import { type Identity, row, serviceInfo, signerOf, testTimeMs, writes } from './sample-service.ts';

export type Files = ReadonlyMap<string, Uint8Array>;

/** What an entry says wrongly. */
interface Twist {
  readonly view?: number;
  /** In the nonce. */
  readonly seqno?: number;
  readonly flags?: number;
  /** Changes the finished bytes before they are hashed. */
  readonly patch?: (bytes: Uint8Array) => void;
}

interface SignatureTwist extends Twist {
  readonly issuedAtSeconds?: number;
  readonly identity?: Identity;
  readonly root?: Uint8Array;
  /** The chunk ends with it; undefined for an open chunk. */
  readonly endsChunk?: boolean;
}

const record: WriteSet = writes({ 'coco.records': [row('key', 'value')] });

/** Writes what it is told, right or wrong. */
class Forge {
  readonly files = new Map<string, Uint8Array>();
  readonly identity: Identity;
  readonly secrets: LedgerSecrets;
  view = 2;
  readonly #tree = createLedgerTree();
  #signedSize = 0;
  #start = 1;
  #entries: Uint8Array[] = [];

  constructor(identity: Identity) {
    this.identity = identity;
    const key = new SeededRandom(5).bytes(32);
    this.secrets = new LedgerSecrets([{ fromSeqno: asSeqno(1), key }]);
  }

  entry(writeSet: WriteSet = record, twist: Twist = {}): this {
    const at = this.#tree.size;
    const id = { view: asView(twist.view ?? this.view), seqno: asSeqno(twist.seqno ?? at) };
    const secret = this.secrets.secretFor(asSeqno(at));
    const bytes = encodeEntry(
      { secret, guard: new NonceGuard() },
      {
        id,
        flags: twist.flags ?? 0,
        claimsDigest: zeroDigest,
        commitEvidenceDigest: sha256(utf8Encode(commitEvidence(secret, id))),
        writeSet,
      },
    );
    twist.patch?.(bytes);
    const { commitEvidenceDigest, claimsDigest } = digestsOf(bytes);
    this.#tree.append(leafOf({ digest: sha256(bytes), commitEvidenceDigest, claimsDigest }));
    this.#entries.push(bytes);
    return this;
  }

  sign(twist: SignatureTwist = {}): this {
    const { identity = this.identity, endsChunk = false, issuedAtSeconds } = twist;
    const id = {
      view: asView(twist.view ?? this.view),
      seqno: asSeqno(twist.seqno ?? this.#tree.size),
    };
    const protectedBytes = signatureHeader(
      signerOf(identity),
      id,
      issuedAtSeconds ?? testTimeMs / 1000,
    );
    const root = twist.root ?? this.#tree.root();
    const signature = identity.key.sign(signatureInput(protectedBytes, root));
    const treeBytes = this.#tree.serialise(this.#signedSize);
    const size = this.#tree.size;
    this.entry(signatureWriteSet({ protectedBytes, signature, treeBytes }), {
      flags: endsChunk ? entryFlag.chunkAfter : 0,
      ...twist,
    });
    this.#signedSize = size;
    if (endsChunk) this.endChunk();
    return this;
  }

  /** Closes the file with a positions table and a committed name. */
  endChunk(): this {
    const positions: number[] = [];
    let at = 8;
    for (const bytes of this.#entries) {
      positions.push(at);
      at += bytes.length;
    }
    const table = new Uint8Array(new Uint32Array(positions).buffer);
    const header = new Uint8Array(new BigUint64Array([BigInt(at)]).buffer);
    const last = this.#start + this.#entries.length - 1;
    const name = `ledger_${this.#start}-${last}.committed`;
    this.files.set(name, concatBytes(header, ...this.#entries, table));
    this.#start = last + 1;
    this.#entries = [];
    return this;
  }

  done(): Files {
    if (this.#entries.length > 0) {
      const body = concatBytes(new Uint8Array(8), ...this.#entries);
      this.files.set(`ledger_${this.#start}`, body);
    }
    return this.files;
  }

  /** Created, opened, one batch; signed. */
  begin(): this {
    return this.entry(writes(serviceInfo(this.identity, 'Opening')))
      .sign()
      .entry(writes(serviceInfo(this.identity, 'Open')))
      .sign()
      .entry()
      .sign({ endsChunk: true });
  }
}

function digestsOf(bytes: Uint8Array): {
  readonly claimsDigest: Uint8Array;
  readonly commitEvidenceDigest: Uint8Array;
} {
  return { claimsDigest: bytes.slice(53, 85), commitEvidenceDigest: bytes.slice(85, 117) };
}

export interface Forgery {
  readonly kind: string;
  readonly files: Files;
  /** Without them nothing shows. */
  readonly needsSecrets: boolean;
  readonly secrets: LedgerSecrets;
}

/** One ledger per rule that a service can break; and one that breaks none, to compare with. */
export function forgeries(identity: Identity, other: Identity): readonly Forgery[] {
  const expired = testTimeMs / 1000 + 366 * 86_400;
  const made: Forgery[] = [];
  const forge = (
    kind: string,
    act: (forge: Forge) => Forge,
    needsSecrets: boolean = false,
  ): void => {
    const ledger = act(new Forge(identity));
    made.push({ kind, files: ledger.done(), needsSecrets, secrets: ledger.secrets });
  };
  const inView = (ledger: Forge, view: number): Forge => {
    ledger.view = view;
    return ledger;
  };
  forge('none', (ledger) => ledger.begin().entry().sign());
  forge('a view goes down', (ledger) =>
    inView(inView(ledger.begin(), 4).sign().entry().sign(), 3).sign().entry().sign(),
  );
  forge('two signatures of one view side by side', (ledger) =>
    ledger.begin().entry().sign().sign(),
  );
  forge('a normal entry with another seqno in its public part', (ledger) =>
    ledger
      .begin()
      .entry(record, { patch: (bytes) => bytes.set([99], 45) })
      .sign(),
  );
  forge('a normal entry with another seqno in its nonce', (ledger) =>
    ledger.begin().entry(record, { seqno: 99 }).sign(),
  );
  forge('a committed file that ends on a normal entry', (ledger) =>
    ledger.begin().entry().sign().entry().endChunk().entry().sign(),
  );
  forge('a normal entry that ends a file', (ledger) =>
    ledger.begin().entry(record, { flags: entryFlag.chunkAfter }).endChunk().entry().sign(),
  );
  forge('an expired service certificate', (ledger) =>
    ledger.begin().entry().sign({ issuedAtSeconds: expired }),
  );
  forge('a new service key while Opening', (ledger) =>
    ledger
      .entry(writes(serviceInfo(other, 'Opening')))
      .entry(writes(serviceInfo(identity, 'Opening')))
      .sign(),
  );
  forge('a new service key while Open', (ledger) =>
    ledger
      .begin()
      .entry(writes(serviceInfo(other, 'Open')))
      .sign({ identity: other }),
  );
  forge('a service that opens again', (ledger) =>
    ledger
      .begin()
      .entry(writes(serviceInfo(identity, 'Opening')))
      .sign(),
  );
  forge('a signature over another root', (ledger) =>
    ledger
      .begin()
      .entry()
      .sign({ root: new Uint8Array(32) }),
  );
  forge('a signature by another key', (ledger) => ledger.begin().entry().sign({ identity: other }));
  forge('a view that begins without a signature', (ledger) =>
    inView(ledger.begin(), 3).entry().sign(),
  );
  forge(
    'an entry that does not decrypt',
    (ledger) =>
      ledger
        .begin()
        .entry(record, { patch: (bytes) => bytes.set([(bytes[8] ?? 0) ^ 1], 8) })
        .sign(),
    true,
  );
  forge(
    'commit evidence that is not of the secret',
    (ledger) =>
      ledger
        .begin()
        .entry(record, { patch: (bytes) => bytes.set([7], 90) })
        .sign(),
    true,
  );
  return made;
}

/** Where the entries of a file stand, for who damages it. */
export function entryBounds(
  bytes: Uint8Array,
): readonly { readonly at: number; readonly size: number }[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = Number(view.getBigUint64(0, true)) || bytes.length;
  const entries: { at: number; size: number }[] = [];
  for (let at = 8; at < end; ) {
    const size = 8 + view.getUint32(at + 2, true);
    entries.push({ at, size });
    at += size;
  }
  return entries;
}

export function isSignature(bytes: Uint8Array): boolean {
  return decodeEntry(bytes).publicMaps.some(({ name }) => name === 'public:ccf.internal.tree');
}
