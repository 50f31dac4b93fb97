/**
 * What the main thread and an admission thread send each other: one array for many transactions,
 * handed over and not copied. Taking apart what an object clone would carry costs more than the
 * decoding itself.
 *
 * To the thread: a list of raw transactions. Back, for each in order: u8 1, the engine's bytes of
 * the decoded transaction, the sender, and of each authorization whether it has an authority and
 * which; or u8 0 with the code and the sentence of the refusal. Lengths are u32, little-endian.
 */
import { utf8Decode, utf8Encode } from '@coco/base';
import type { AdmittedTransaction } from './admission.ts';
import type { EngineErrorCode } from './engine-errors.ts';
import { EngineReader } from './engine-reader.ts';
import { readTransaction } from './engine-transaction.ts';
import type { RecoveredAuthorization } from './engine-types.ts';
import { EngineWriter } from './engine-writer.ts';

const addressBytes = 20;
/** Reused from message to message; what is sent is copied out of it. */
const writer = new EngineWriter();

/** One transaction's result on the main thread. */
export type AdmissionOutcome =
  | { readonly isAdmitted: true; readonly transaction: Omit<AdmittedTransaction, 'raw'> }
  | { readonly isAdmitted: false; readonly code: EngineErrorCode; readonly message: string };

/** One transaction's result on the thread that made it. */
export type AdmissionResult =
  | {
      readonly isAdmitted: true;
      readonly decodedBytes: Uint8Array;
      readonly sender: Uint8Array;
      readonly authorities: readonly (Uint8Array | undefined)[];
    }
  | { readonly isAdmitted: false; readonly code: EngineErrorCode; readonly message: string };

/** An array of its own, to be transferred. */
export function packRaws(raws: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  writer.reset();
  writer.u32(raws.length);
  for (const raw of raws) writer.sized(raw);
  return new Uint8Array(writer.message());
}

export function unpackRaws(bytes: Uint8Array): readonly Uint8Array[] {
  const reader = new EngineReader(bytes);
  const raws = reader.list(() => reader.sized());
  reader.end();
  return raws;
}

/** An array of its own, to be transferred. */
export function packResults(results: readonly AdmissionResult[]): Uint8Array<ArrayBuffer> {
  writer.reset();
  writer.u32(results.length);
  for (const result of results) {
    writer.u8(result.isAdmitted ? 1 : 0);
    if (!result.isAdmitted) {
      writer.sized(utf8Encode(result.code));
      writer.sized(utf8Encode(result.message));
      continue;
    }
    writer.sized(result.decodedBytes);
    writer.fixed(result.sender, addressBytes);
    for (const authority of result.authorities) {
      writer.u8(authority === undefined ? 0 : 1);
      if (authority !== undefined) writer.fixed(authority, addressBytes);
    }
  }
  return new Uint8Array(writer.message());
}

export function unpackOutcomes(bytes: Uint8Array): readonly AdmissionOutcome[] {
  const reader = new EngineReader(bytes);
  const outcomes = reader.list(() => readOutcome(reader));
  reader.end();
  return outcomes;
}

function readOutcome(reader: EngineReader): AdmissionOutcome {
  if (reader.u8() === 0) {
    // The thread packs the codes of engine errors only.
    const code = utf8Decode(reader.sized()) as EngineErrorCode;
    return { isAdmitted: false, code, message: utf8Decode(reader.sized()) };
  }
  const decoded = readTransaction(reader.part());
  const sender = reader.fixed(addressBytes);
  const authorizations = decoded.authorizationList.map(
    ({ chainId, address, nonce }): RecoveredAuthorization => {
      const authority = reader.u8() === 1 ? reader.fixed(addressBytes) : undefined;
      return { chainId, address, nonce, authority };
    },
  );
  return { isAdmitted: true, transaction: { decoded, sender, authorizations } };
}
