/** A ledger as small as receipts need: leaves, a naive tree, signatures. For tests only. */
import {
  asSeqno,
  asView,
  type CborKey,
  type CborValue,
  coseHeader,
  encodeCbor,
  encodeSignOne,
  formatTransactionId,
  signatureInput,
  type TransactionId,
  toHex,
  utf8Encode,
} from '@coco/base';
import { type SigningKey, sha256 } from '@coco/crypto';
import { encodeReceipt, noClaims, type ProofStep } from '../src/index.ts';

function transactionId(view: number, seqno: number): TransactionId {
  return { view: asView(view), seqno: asSeqno(seqno) };
}

interface Leaf {
  readonly writeSetDigest: Uint8Array;
  readonly commitEvidence: string;
  readonly claimsDigest: Uint8Array;
  readonly hash: Uint8Array;
}

/** The root and path by recursion over RFC 9162's split: written apart from the code under test. */
function subtreeRoot(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 1) return hashes[0] as Uint8Array;
  const split = 2 ** Math.ceil(Math.log2(hashes.length) - 1);
  return sha256(subtreeRoot(hashes.slice(0, split)), subtreeRoot(hashes.slice(split)));
}

function subtreePath(hashes: readonly Uint8Array[], index: number): ProofStep[] {
  if (hashes.length === 1) return [];
  const split = 2 ** Math.ceil(Math.log2(hashes.length) - 1);
  const [left, right] = [hashes.slice(0, split), hashes.slice(split)];
  return index < split
    ? [...subtreePath(left, index), { isLeft: false, hash: subtreeRoot(right) }]
    : [...subtreePath(right, index - split), { isLeft: true, hash: subtreeRoot(left) }];
}

export class SampleLedger {
  readonly #leaves: Leaf[] = [];
  readonly view: number;
  readonly #salt: string;

  constructor(view = 2, salt = '') {
    this.view = view;
    const zero = new Uint8Array(32);
    this.#leaves.push({
      writeSetDigest: zero,
      commitEvidence: '',
      claimsDigest: zero,
      hash: zero,
    });
    this.#salt = salt;
  }

  get size(): number {
    return this.#leaves.length;
  }

  append(claimsDigest: Uint8Array = noClaims): number {
    const seqno = this.size;
    const nonce = toHex(sha256(utf8Encode(`nonce ${seqno} ${this.#salt}`)));
    const commitEvidence = `ce:${this.view}.${seqno}:${nonce}`;
    const writeSetDigest = sha256(utf8Encode(`entry ${seqno} ${this.#salt}`));
    const hash = sha256(writeSetDigest, sha256(utf8Encode(commitEvidence)), claimsDigest);
    this.#leaves.push({ writeSetDigest, commitEvidence, claimsDigest, hash });
    return seqno;
  }

  root(size: number = this.size): Uint8Array {
    return subtreeRoot(this.#leaves.slice(0, size).map(({ hash }) => hash));
  }

  /** The receipt of `seqno` by a signature entry at `signatureSeqno`. */
  receipt(options: {
    readonly seqno: number;
    readonly signatureSeqno: number;
    readonly key: SigningKey;
    readonly header?: ReadonlyMap<CborKey, CborValue>;
  }): Uint8Array {
    const { seqno, signatureSeqno, key } = options;
    const id = formatTransactionId(transactionId(this.view, signatureSeqno));
    const protectedBytes = encodeCbor(options.header ?? protectedHeader(key, id));
    const signature = key.sign(signatureInput(protectedBytes, this.root(signatureSeqno)));
    const hashes = this.#leaves.slice(0, signatureSeqno).map(({ hash }) => hash);
    const leaf = this.#leaves[seqno] as Leaf;
    return encodeReceipt({
      protectedBytes,
      signature,
      proofs: [{ ...leaf, path: subtreePath(hashes, seqno) }],
    });
  }
}

export function protectedHeader(key: SigningKey, signatureId: string): Map<CborKey, CborValue> {
  return new Map<CborKey, CborValue>([
    [coseHeader.algorithm, key.algorithm],
    [coseHeader.keyId, utf8Encode(key.id)],
    [coseHeader.vds, 2],
    [
      coseHeader.cwtClaims,
      new Map<CborKey, CborValue>([
        [6, 1_790_000_000],
        [1, 'service.example.com'],
        [2, 'ledger.signature'],
      ]),
    ],
    ['ccf.v1', new Map([['txid', signatureId]])],
  ]);
}

/** An endorsement of `endorsed` by `key`, for an epoch of transaction ids. */
export function endorse(options: {
  readonly key: SigningKey;
  readonly endorsed: Uint8Array;
  readonly begin: string;
  readonly end?: string;
  readonly root?: Uint8Array;
}): Uint8Array {
  const ledger = new Map<CborKey, CborValue>([['epoch.start.txid', options.begin]]);
  if (options.end) ledger.set('epoch.end.txid', options.end);
  if (options.root) ledger.set('epoch.end.merkle.root', options.root);
  const protectedBytes = encodeCbor(
    new Map<CborKey, CborValue>([
      [coseHeader.algorithm, options.key.algorithm],
      [coseHeader.cwtClaims, new Map([[6, 1_790_000_000]])],
      ['ccf.v1', ledger],
    ]),
  );
  const signature = options.key.sign(signatureInput(protectedBytes, options.endorsed));
  return encodeSignOne({ protectedBytes, payload: options.endorsed, signature });
}
