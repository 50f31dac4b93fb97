/** A ledger that makes real receipts, and nothing else. For tests only. */
import {
  asSeqno,
  asView,
  type CborKey,
  type CborValue,
  coseHeader,
  encodeCbor,
  encodeSignOne,
  formatTransactionId,
  present,
  signatureInput,
  type TransactionId,
  toHex,
  utf8Encode,
} from '@coco/base';
import { type SigningKey, sha256 } from '@coco/crypto';
import { MerkleTree } from '@coco/merkle';
import { encodeReceipt, noClaims } from '@coco/receipt';

export function idOf(text: string): TransactionId {
  const [view, seqno] = text.split('.').map(Number);
  return { view: asView(view ?? 0), seqno: asSeqno(seqno ?? 0) };
}

interface Entry {
  readonly view: number;
  readonly writeSetDigest: Uint8Array;
  readonly commitEvidence: string;
  readonly claimsDigest: Uint8Array;
}

interface Signature {
  readonly seqno: number;
  readonly protectedBytes: Uint8Array;
  readonly signature: Uint8Array;
}

export class FakeLedger {
  view = 2;
  readonly #tree = new MerkleTree();
  readonly #entries: Entry[] = [];
  readonly #signatures: Signature[] = [];

  constructor() {
    this.#tree.append(new Uint8Array(32));
  }

  /** The same history up to a seqno. */
  copy(seqno: number): FakeLedger {
    const ledger = new FakeLedger();
    for (const entry of this.#entries.slice(0, seqno)) ledger.#push(entry);
    ledger.#signatures.push(...this.#signatures.filter((signature) => signature.seqno <= seqno));
    ledger.view = this.#entries[seqno - 1]?.view ?? 2;
    return ledger;
  }

  append(content: string, claimsDigest: Uint8Array = noClaims): TransactionId {
    const seqno = this.#entries.length + 1;
    const nonce = toHex(sha256(utf8Encode(`nonce ${seqno}`)));
    this.#push({
      view: this.view,
      writeSetDigest: sha256(utf8Encode(content)),
      commitEvidence: `ce:${this.view}.${seqno}:${nonce}`,
      claimsDigest,
    });
    return idOf(`${this.view}.${seqno}`);
  }

  /** Commits what was appended. */
  sign(key: SigningKey): TransactionId {
    const seqno = this.#entries.length + 1;
    const protectedBytes = encodeCbor(
      new Map<CborKey, CborValue>([
        [coseHeader.algorithm, key.algorithm],
        [coseHeader.keyId, utf8Encode(key.id)],
        [coseHeader.vds, 2],
        [
          coseHeader.cwtClaims,
          new Map<CborKey, CborValue>([
            [6, 1],
            [1, 'issuer'],
            [2, 'subject'],
          ]),
        ],
        ['ccf.v1', new Map([['txid', `${this.view}.${seqno}`]])],
      ]),
    );
    const signature = key.sign(signatureInput(protectedBytes, this.#tree.root()));
    this.#signatures.push({ seqno, protectedBytes, signature });
    return this.append(`signature ${seqno}`);
  }

  get committed(): TransactionId {
    const { seqno } = present(this.#signatures.at(-1), 'the ledger is signed');
    return idOf(`${this.viewAt(seqno)}.${seqno}`);
  }

  viewAt(seqno: number): number | undefined {
    return this.#entries[seqno - 1]?.view;
  }

  root(seqno: number): Uint8Array {
    return this.#tree.root(seqno);
  }

  status(id: TransactionId): string {
    if (id.seqno <= this.committed.seqno) {
      return this.viewAt(id.seqno) === id.view ? 'Committed' : 'Invalid';
    }
    return id.view === this.view ? 'Pending' : 'Unknown';
  }

  receipt(seqno: number): Uint8Array | undefined {
    const signature = this.#signatures.find((candidate) => candidate.seqno > seqno);
    const entry = this.#entries[seqno - 1];
    if (!signature || !entry) return undefined;
    const path = this.#tree.path(seqno, signature.seqno);
    return encodeReceipt({ ...signature, proofs: [{ ...entry, path }] });
  }

  #push(entry: Entry): void {
    this.#entries.push(entry);
    const evidence = sha256(utf8Encode(entry.commitEvidence));
    this.#tree.append(sha256(entry.writeSetDigest, evidence, entry.claimsDigest));
  }
}

/** The endorsement of an earlier identity's key by a later one. */
export function endorse(options: {
  readonly key: SigningKey;
  readonly endorsed: SigningKey;
  readonly begin: string;
  readonly end: TransactionId;
  readonly root?: Uint8Array;
}): Uint8Array {
  const ledger = new Map<CborKey, CborValue>([
    ['epoch.start.txid', options.begin],
    ['epoch.end.txid', formatTransactionId(options.end)],
  ]);
  if (options.root) ledger.set('epoch.end.merkle.root', options.root);
  const protectedBytes = encodeCbor(
    new Map<CborKey, CborValue>([
      [coseHeader.algorithm, options.key.algorithm],
      [coseHeader.cwtClaims, new Map<CborKey, CborValue>([[6, 1]])],
      ['ccf.v1', ledger],
    ]),
  );
  const payload = options.endorsed.spki;
  const signature = options.key.sign(signatureInput(protectedBytes, payload));
  return encodeSignOne({ protectedBytes, payload, signature });
}
