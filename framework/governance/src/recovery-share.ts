/**
 * Recovery shares: what members hold so that, after a disaster, enough of them together give the
 * service its ledger secrets back. The shared secret is a wrapping key; it encrypts the newest
 * ledger secret, and each ledger secret the one before it. Formats are CCF's and stand in
 * docs/formats/recovery-shares.md.
 */
import { ByteReader, ByteWriter, emptyBytes, LedgerError, type Random } from '@coco/base';
import { hkdfSha256 } from '@coco/crypto';
import { blobIvBytes, openBlob, sealBlob } from './encrypted-blob.ts';
import { governanceError } from './errors.ts';
import {
  joinShares,
  type Limbs,
  limbBound,
  limbCount,
  randomLimbs,
  type Share,
  splitSecret,
} from './shamir.ts';

/** u32 x, then ten u32 y, little-endian. */
export const shareBytes: number = 4 + 4 * limbCount;
const wrappingKeyBytes = 32;

/** The key that wraps the newest ledger secret, before it is derived: ten limbs. */
export type WrappingSecret = Limbs;

export function encodeShare(share: Share): Uint8Array {
  const writer = new ByteWriter(shareBytes).u32(share.index);
  for (const limb of share.limbs) writer.u32(limb);
  return writer.done();
}

/** @throws RecoveryShareInvalid */
export function decodeShare(bytes: Uint8Array): Share {
  if (bytes.length !== shareBytes) {
    throw governanceError('RecoveryShareInvalid', `A recovery share has ${shareBytes} bytes.`, {
      length: bytes.length,
    });
  }
  const reader = new ByteReader(bytes);
  const index = reader.u32();
  const limbs = Array.from({ length: limbCount }, () => reader.u32());
  if (index >= limbBound || limbs.some((limb) => limb >= limbBound)) {
    throw governanceError('RecoveryShareInvalid', 'A number of the share is not in the field.');
  }
  return { index, limbs };
}

/** Whether the share is the whole key, as an Owner holds it. */
export function isFullKey(share: Share): boolean {
  return share.index === 0;
}

/** A fresh wrapping secret, as a full key and as shares 1 to `count`. */
export function createShares(options: {
  readonly count: number;
  readonly threshold: number;
  readonly random: Random;
}): {
  readonly secret: WrappingSecret;
  readonly fullKey: Share;
  readonly shares: readonly Share[];
} {
  const secret = randomLimbs(options.random);
  const shares = options.count === 0 ? [] : splitSecret(secret, options);
  return { secret, fullKey: { index: 0, limbs: secret }, shares };
}

/** The wrapping secret from an owner's full key. @throws RecoveryShareInvalid */
export function openFullKey(share: Share): WrappingSecret {
  if (isFullKey(share)) return share.limbs;
  throw governanceError('RecoveryShareInvalid', 'The share is not a full key.');
}

/** The wrapping secret from a full key or enough shares. @throws RecoveryShareInvalid */
export function combineShares(shares: readonly Share[], threshold: number): WrappingSecret {
  const fullKey = shares.find(isFullKey);
  return fullKey ? openFullKey(fullKey) : joinShares(shares, threshold);
}

/** Encrypts a ledger secret; a wrapping secret wraps once, so its iv is zero. */
export function wrapLedgerSecret(secret: WrappingSecret, ledgerSecret: Uint8Array): Uint8Array {
  return sealBlob(deriveWrappingKey(secret), new Uint8Array(blobIvBytes), ledgerSecret);
}

/** @throws RecoveryShareInvalid when the wrapping secret is not the one that wrapped */
export function unwrapLedgerSecret(secret: WrappingSecret, wrapped: Uint8Array): Uint8Array {
  try {
    return openBlob(deriveWrappingKey(secret), wrapped);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    const message = 'The shares do not open the ledger secret.';
    throw governanceError('RecoveryShareInvalid', message, {}, cause);
  }
}

/** HKDF-SHA256 with the secret as both input and info: a quirk of CCF's that real ledgers have. */
function deriveWrappingKey(secret: WrappingSecret): Uint8Array {
  const writer = new ByteWriter(4 * limbCount);
  for (const limb of secret) writer.u32(limb);
  const ikm = writer.done();
  return hkdfSha256({ ikm, salt: emptyBytes, info: ikm, length: wrappingKeyBytes });
}
