/**
 * Shamir's secret sharing over the prime field of 2^31 - 1, one polynomial per limb: the scheme of
 * CCF's recovery shares, which no library has. A secret is 10 limbs; share x holds each polynomial's
 * value at x, the secret stands at x = 0. Source: A. Shamir, "How to share a secret", 1979.
 *
 * Arithmetic is on BigInt and takes time that depends on the values; it runs in the TEE when shares
 * are made or combined, never in answer to a guess.
 */
import { assert, type Random } from '@coco/base';
import { governanceError } from './errors.ts';

export const limbCount = 10;
/** The field's prime, 2^31 - 1. */
export const limbBound = 0x7fff_ffff;
const prime = BigInt(limbBound);

/** Ten numbers below 2^31 - 1. */
export type Limbs = readonly number[];

export interface Share {
  /** 1 to n; 0 marks the whole secret. */
  readonly index: number;
  readonly limbs: Limbs;
}

/** Ten uniform limbs: 310 bits. */
export function randomLimbs(random: Random): Limbs {
  return Array.from({ length: limbCount }, () => randomLimb(random));
}

/** Uniform below the prime: 31 random bits, drawn again in the one case in 2^31 that they are it. */
function randomLimb(random: Random): number {
  for (;;) {
    const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4);
    const value = a | (b << 8) | (c << 16) | ((d & 0x7f) << 24);
    if (value < limbBound) return value;
  }
}

/** Shares 1 to `count`, of which any `threshold` give the secret back and fewer tell nothing. */
export function splitSecret(
  secret: Limbs,
  options: { readonly count: number; readonly threshold: number; readonly random: Random },
): readonly Share[] {
  const { count, threshold, random } = options;
  assert(secret.length === limbCount, 'a secret has ten limbs');
  assert(
    threshold >= 1 && threshold <= count,
    'the threshold is between 1 and the number of shares',
  );
  const polynomials = secret.map((constant) => [
    BigInt(constant),
    ...Array.from({ length: threshold - 1 }, () => BigInt(randomLimb(random))),
  ]);
  return Array.from({ length: count }, (_, at) => ({
    index: at + 1,
    limbs: polynomials.map((coefficients) => Number(evaluate(coefficients, BigInt(at + 1)))),
  }));
}

function evaluate(coefficients: readonly bigint[], x: bigint): bigint {
  return coefficients.reduceRight((sum, coefficient) => (sum * x + coefficient) % prime, 0n);
}

/**
 * The secret from `threshold` shares or more; a wrong share gives a wrong secret, which only the
 * use of the secret reveals.
 * @throws RecoveryShareInvalid when there are too few, or two of one index
 */
export function joinShares(shares: readonly Share[], threshold: number): Limbs {
  const used = shares.slice(0, threshold);
  const indices = new Set(used.map(({ index }) => index));
  if (used.length < threshold || indices.size < used.length || indices.has(0)) {
    throw governanceError('RecoveryShareInvalid', 'The shares are too few or repeat.', {
      count: shares.length,
      threshold,
    });
  }
  const weights = used.map(({ index }) => weightAtZero(index, [...indices]));
  return Array.from({ length: limbCount }, (_, limb) => {
    const sum = used.reduce(
      (total, share, at) => total + BigInt(share.limbs[limb] ?? 0) * (weights[at] ?? 0n),
      0n,
    );
    return Number(sum % prime);
  });
}

/** The Lagrange weight of the share at `index`: the product of x / (x - index) over the others. */
function weightAtZero(index: number, indices: readonly number[]): bigint {
  let numerator = 1n;
  let denominator = 1n;
  for (const other of indices) {
    if (other === index) continue;
    numerator = (numerator * BigInt(other)) % prime;
    denominator = (denominator * (BigInt(other - index) + prime)) % prime;
  }
  return (numerator * power(denominator, prime - 2n)) % prime;
}

/** base^exponent; with prime - 2 the inverse (Fermat). */
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base % prime, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % prime;
    square = (square * square) % prime;
  }
  return result;
}
