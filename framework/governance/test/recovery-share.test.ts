import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fromHex, SeededRandom, toHex } from '@coco/base';
import fc from 'fast-check';
import {
  combineShares,
  createShares,
  decodeShare,
  encodeShare,
  isFullKey,
  openFullKey,
  shareBytes,
  unwrapLedgerSecret,
  wrapLedgerSecret,
} from '../src/recovery-share.ts';
import { limbBound, limbCount, randomLimbs } from '../src/shamir.ts';

/** Made by another implementation: see its `source`. */
const vector: {
  readonly secret: readonly number[];
  readonly fullKey: string;
  readonly shares: readonly string[];
  readonly ledgerSecret: string;
  readonly wrapped: string;
} = JSON.parse(readFileSync(new URL('recovery-share-vector.json', import.meta.url), 'utf8'));
const vectorThreshold = 3;

suite('recovery shares', () => {
  test('any three shares of the vector give its secret, which opens its ledger secret', () => {
    const shares = vector.shares.map((hex) => decodeShare(fromHex(hex)));
    for (let a = 0; a < shares.length; a++) {
      for (let b = 0; b < shares.length; b++) {
        for (let c = 0; c < shares.length; c++) {
          const chosen = [shares[a], shares[b], shares[c]].flatMap((share) => share ?? []);
          if (new Set([a, b, c]).size < vectorThreshold) continue;
          const secret = combineShares(chosen, vectorThreshold);
          assert.deepEqual(secret, vector.secret);
        }
      }
    }
    const opened = unwrapLedgerSecret(vector.secret, fromHex(vector.wrapped));
    assert.equal(toHex(opened), vector.ledgerSecret);
    const wrapped = wrapLedgerSecret(vector.secret, fromHex(vector.ledgerSecret));
    assert.equal(toHex(wrapped), vector.wrapped);
    assert.equal(toHex(encodeShare({ index: 0, limbs: vector.secret })), vector.fullKey);
  });

  test('any threshold of shares gives the secret back, and so does the full key', () => {
    const parameters = fc.integer({ min: 1, max: 8 }).chain((count) =>
      fc.record({
        count: fc.constant(count),
        threshold: fc.integer({ min: 1, max: count }),
        seed: fc.integer({ min: 1 }),
        order: fc.shuffledSubarray([...Array(count).keys()], { minLength: count }),
      }),
    );
    fc.assert(
      fc.property(parameters, ({ count, threshold, seed, order }) => {
        const random = new SeededRandom(seed);
        const { secret, fullKey, shares } = createShares({ count, threshold, random });
        const chosen = order.slice(0, threshold).flatMap((at) => shares[at] ?? []);
        const read = chosen.map((share) => decodeShare(encodeShare(share)));
        assert.deepEqual(read, chosen);
        assert.deepEqual(combineShares(read, threshold), secret);
        assert.deepEqual(combineShares([...read, fullKey], threshold), secret);
        assert.deepEqual(openFullKey(decodeShare(encodeShare(fullKey))), secret);
        assert.equal(shares.some(isFullKey), false);
      }),
      { numRuns: 60 },
    );
  });

  test('fewer shares than the threshold fit every secret alike', () => {
    // With one share missing, each value of the missing one gives another secret: a bijection.
    const random = new SeededRandom(5);
    const { secret, shares } = createShares({ count: 3, threshold: 3, random });
    const [first, second, third] = shares;
    assert.ok(first && second && third);
    const seen = new Set<number>();
    for (let guess = 0; guess < 200; guess++) {
      const limbs = third.limbs.map((limb) => (limb + guess) % limbBound);
      seen.add(combineShares([first, second, { index: 3, limbs }], 3)[0] ?? -1);
    }
    assert.equal(seen.size, 200);
    assert.ok(seen.has(secret[0] ?? -1));
  });

  test('too few shares, repeated ones and wrong ones are refused', () => {
    const random = new SeededRandom(6);
    const { secret, fullKey, shares } = createShares({ count: 3, threshold: 2, random });
    const [first, second, third] = shares;
    assert.ok(first && second && third);
    const refused = { code: 'RecoveryShareInvalid', status: 400 };
    assert.throws(() => combineShares([first], 2), refused);
    assert.throws(() => combineShares([], 1), refused);
    assert.throws(() => combineShares([first, first], 2), refused);
    assert.throws(() => openFullKey(first), refused);
    const wrapped = wrapLedgerSecret(secret, new Uint8Array(32));
    const wrong = combineShares([first, { ...second, limbs: third.limbs }], 2);
    assert.throws(() => unwrapLedgerSecret(wrong, wrapped), refused);
    assert.throws(() => unwrapLedgerSecret(secret, wrapped.slice(0, 20)), refused);
    assert.deepEqual(unwrapLedgerSecret(openFullKey(fullKey), wrapped).length, 32);
  });

  test('bytes that are no share are refused', () => {
    const refused = { code: 'RecoveryShareInvalid' };
    for (const length of [0, shareBytes - 1, shareBytes + 1, 113]) {
      assert.throws(() => decodeShare(new Uint8Array(length)), refused);
    }
    for (let at = 0; at < shareBytes; at += 4) {
      const bytes = new Uint8Array(shareBytes);
      new DataView(bytes.buffer).setUint32(at, limbBound, true);
      assert.throws(() => decodeShare(bytes), refused);
      new DataView(bytes.buffer).setUint32(at, limbBound - 1, true);
      assert.equal(decodeShare(bytes).limbs.length, limbCount);
    }
  });

  test('limbs are uniform in the field: the one value beyond it is drawn again', () => {
    const draws = [0xff, 0xff, 0xff, 0xff, ...new SeededRandom(1).bytes(4 * limbCount)];
    let at = 0;
    const random = { bytes: (length: number) => new Uint8Array(draws.slice(at, (at += length))) };
    const limbs = randomLimbs(random);
    assert.equal(at, draws.length);
    assert.ok(limbs.every((limb) => limb < limbBound));
  });
});
