/** Every precompile against @ethereumjs/vm, @noble/curves within it, Node and known vectors. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { concatBytes, fromHex, toHex } from '@coco/base';
import fc from 'fast-check';
import type { Spec } from '../src/engine-types.ts';
import { assertSame, executeHere, precompile } from './compare-machines.ts';
import { stateWithAlice, transactionOf } from './memory-state.ts';
import type { Outcome } from './other-machine.ts';

async function assertSamePrecompile(
  number: number,
  input: Uint8Array,
  spec: Spec = 'osaka',
): Promise<Outcome> {
  const transaction = transactionOf({
    to: precompile(number),
    input,
    gasLimit: spec === 'osaka' ? 2n ** 24n : 40_000_000n,
  });
  return await assertSame(stateWithAlice(), transaction, spec);
}

const bytes = (hex: string): Uint8Array => fromHex(hex.replaceAll(/\s/g, ''));
const number32 = (value: bigint): Uint8Array => fromHex(value.toString(16).padStart(64, '0'));
const succeeded = (outcome: Outcome): string => {
  assert.equal(outcome.isSuccess, true);
  assert.notEqual(outcome.output, '');
  return outcome.output;
};

test('precompiles 1 to 4: recovery, hashes and identity', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (input) => {
      for (const number of [1, 2, 3, 4]) await assertSamePrecompile(number, input);
      const { output } = await assertSamePrecompile(2, input);
      assert.equal(output, createHash('sha256').update(input).digest('hex'));
    }),
    { numRuns: 10 },
  );
});

test('ecrecover takes high s values and refuses ranges, as the yellow paper has it', async () => {
  // Appendix F: s may be anything below the order.
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const hash = number32(0x1234n);
  // r is the x coordinate of the generator.
  const r = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n;
  const cases: readonly (readonly [bigint, bigint, bigint, boolean])[] = [
    [27n, r, 5n, true],
    [28n, r, order - 5n, true],
    [26n, r, 5n, false],
    [27n, r, order, false],
    [27n, order, 5n, false],
    [27n, 0n, 5n, false],
    [27n, r, 0n, false],
    [27n + 2n ** 64n, r, 5n, false],
    [27n, 5n, 5n, false],
  ];
  for (const [v, rValue, s, isRecovered] of cases) {
    const input = concatBytes(hash, number32(v), number32(rValue), number32(s));
    const { output } = await assertSamePrecompile(1, input);
    assert.equal(output.length, isRecovered ? 64 : 0, `v ${v}, s ${s}`);
  }
});

test('precompile 5: modular exponentiation is that of bigints', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 4 }),
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom<Spec>('prague', 'osaka'),
      async (base, exponent, modulus, spec) => {
        const lengths = [base, exponent, modulus].map((part) => number32(BigInt(part.length)));
        const input = concatBytes(...lengths, base, exponent, modulus);
        const { output } = await assertSamePrecompile(5, input, spec);
        const toBig = (part: Uint8Array): bigint => BigInt(`0x0${toHex(part)}`);
        const [b, m] = [toBig(base), toBig(modulus)];
        let expected = m === 0n ? 0n : 1n % m;
        for (const bit of toBig(exponent).toString(2)) {
          if (m === 0n) break;
          expected = (expected * expected * (bit === '1' ? b : 1n)) % m;
        }
        const digits = expected.toString(16).padStart(2 * modulus.length, '0');
        assert.equal(output, modulus.length === 0 ? '' : digits);
      },
    ),
    { numRuns: 25 },
  );
});

test('EIP-7823: lengths above 1024 bytes fail in Osaka only', async () => {
  const input = concatBytes(number32(1025n), number32(1n), number32(1n), new Uint8Array(1027));
  assert.equal((await assertSamePrecompile(5, input, 'osaka')).isSuccess, false);
  assert.equal((await assertSamePrecompile(5, input, 'prague')).isSuccess, true);
});

test('precompiles 6 to 8: addition, multiplication and pairing on bn254', async () => {
  const generator = concatBytes(number32(1n), number32(2n));
  const doubled = bytes(
    succeeded(await assertSamePrecompile(6, concatBytes(generator, generator))),
  );
  const tripled = succeeded(await assertSamePrecompile(7, concatBytes(generator, number32(3n))));
  assert.equal(succeeded(await assertSamePrecompile(6, concatBytes(doubled, generator))), tripled);
  // The generator of G2 (EIP-197), imaginary parts first.
  const g2 = bytes(`
    198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2
    1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed
    090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b
    12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa`);
  const field = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47n;
  const negated = concatBytes(number32(1n), number32(field - 2n));
  const cancelling = concatBytes(generator, g2, negated, g2);
  assert.equal(succeeded(await assertSamePrecompile(8, cancelling)), toHex(number32(1n)));
  const other = concatBytes(doubled, g2, negated, g2);
  assert.equal(succeeded(await assertSamePrecompile(8, other)), toHex(number32(0n)));
  const offCurve = concatBytes(number32(1n), number32(3n), generator);
  assert.equal((await assertSamePrecompile(6, offCurve)).isSuccess, false);
});

test('precompile 9: BLAKE2b F gives the vectors of EIP-152', async () => {
  const input = bytes(`
    0000000c
    48c9bdf267e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5
    d182e6ad7f520e511f6c3e2b8c68059b6bbd41fbabd9831f79217e1319cde05b
    6162630000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000
    0300000000000000 0000000000000000 01`);
  assert.equal(
    succeeded(await assertSamePrecompile(9, input)),
    createHash('blake2b512').update('abc').digest('hex'),
  );
  assert.equal((await assertSamePrecompile(9, input.subarray(1))).isSuccess, false);
  assert.equal((await assertSamePrecompile(9, input.with(212, 2))).isSuccess, false);
});

test('precompile 10: a KZG proof holds, a wrong value does not', () => {
  // c-kzg-4844, verify_kzg_proof_case_correct_proof_4_4.
  const commitment = bytes(
    '8f59a8d2a1a625a17f3fea0fe5eb8c896db3764f3185481bc22f91b4aaffcca2' +
      '5f26936857bc3a7c2539ea8ec3a952b7',
  );
  const z = bytes('73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000000');
  const y = bytes('1522a4a7f34e1ea350ae07c29c96c7e79655aa926122e95fe69fcbd932ca49e9');
  const proof = bytes(
    'a62ad71d14c5719385c0686f1871430475bf3a00f0aa3f7b8dd99a9abc216074' +
      '4faf0070725e00b60ad9a026a15b1a8c',
  );
  const versioned = createHash('sha256').update(commitment).digest();
  versioned[0] = 1;
  const evaluate = (value: Uint8Array, hash: Uint8Array = versioned): Outcome =>
    executeHere(
      stateWithAlice(),
      transactionOf({
        to: precompile(10),
        input: concatBytes(hash, z, value, commitment, proof),
      }),
      'osaka',
    );
  const fieldElements = number32(4096n);
  const modulus = '73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001';
  assert.equal(succeeded(evaluate(y)), toHex(fieldElements) + modulus);
  assert.equal(evaluate(y.with(31, 0xe8)).isSuccess, false);
  assert.equal(evaluate(y, versioned.with(5, 0)).isSuccess, false);
});

test('precompiles 11 to 17: BLS12-381 (EIP-2537) against @noble/curves', async () => {
  const field = (hex: string): Uint8Array => bytes(hex.padStart(128, '0'));
  // The generators of EIP-2537.
  const g1 = concatBytes(
    field(
      '17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58' +
        '6c55e83ff97a1aeffb3af00adb22c6bb',
    ),
    field(
      '08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3ed' +
        'd03cc744a2888ae40caa232946c5e7e1',
    ),
  );
  const fieldTwo = concatBytes(field('05'), field('07'));
  const mappedG1 = bytes(succeeded(await assertSamePrecompile(16, field('1234'))));
  const mappedG2 = bytes(succeeded(await assertSamePrecompile(17, fieldTwo)));
  const doubled = succeeded(await assertSamePrecompile(11, concatBytes(g1, g1)));
  assert.equal(succeeded(await assertSamePrecompile(12, concatBytes(g1, number32(2n)))), doubled);
  const pairs = concatBytes(g1, number32(3n), mappedG1, number32(5n));
  succeeded(await assertSamePrecompile(12, pairs));
  const doubledG2 = succeeded(await assertSamePrecompile(13, concatBytes(mappedG2, mappedG2)));
  const multiplied = await assertSamePrecompile(14, concatBytes(mappedG2, number32(2n)));
  assert.equal(succeeded(multiplied), doubledG2);
  const order = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
  const negated = bytes(
    succeeded(await assertSamePrecompile(12, concatBytes(g1, number32(order - 1n)))),
  );
  const cancelling = concatBytes(g1, mappedG2, negated, mappedG2);
  assert.equal(succeeded(await assertSamePrecompile(15, cancelling)), toHex(number32(1n)));
  assert.equal((await assertSamePrecompile(11, g1.with(63, 0))).isSuccess, false);
  assert.equal((await assertSamePrecompile(15, g1)).isSuccess, false);
});

test('precompile 256: P-256 verification (EIP-7951) exists from Osaka on', async () => {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(
    { name: 'ECDSA', namedCurve: 'P-256' },
    true,
    ['sign', 'verify'],
  );
  const message = Uint8Array.of(1, 2, 3);
  const hash = createHash('sha256').update(message).digest();
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
  const signature = new Uint8Array(await crypto.subtle.sign(algorithm, privateKey, message));
  const key = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey)).subarray(1);
  const input = concatBytes(hash, signature, key);
  assert.equal((await assertSamePrecompile(256, input)).output, toHex(number32(1n)));
  assert.equal((await assertSamePrecompile(256, input.with(0, (hash[0] ?? 0) ^ 1))).output, '');
  assert.equal((await assertSamePrecompile(256, input, 'prague')).output, '');
});
