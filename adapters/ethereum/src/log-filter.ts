/** Which logs a query wants, and where a block's bloom says that there may be some. */
import { equalBytes, isJsonObject, type JsonValue } from '@coco/base';
import type { EventLog } from './engine-types.ts';
import { type BlockTag, invalid, parseBlockTag, parseFixed } from './rpc-parameters.ts';

/** Alternatives at one place (geth: 1000 addresses; topics are no more useful). */
const alternativesMax = 1000;
const topicsMax = 4;

export interface LogQuery {
  /** `undefined`: from `from` to `to`. */
  readonly blockHash: Uint8Array | undefined;
  readonly from: BlockTag;
  readonly to: BlockTag;
  readonly filter: LogFilter;
}

/** @throws JsonRpcInvalidParameters */
export function parseLogQuery(
  value: JsonValue | undefined,
  keccak256: (bytes: Uint8Array) => Uint8Array,
): LogQuery {
  if (!isJsonObject(value)) throw invalid('invalid argument 0: not an object');
  const { blockHash, fromBlock, toBlock, address, topics } = value;
  const hasHash = blockHash !== undefined && blockHash !== null;
  if (hasHash && ((fromBlock ?? null) !== null || (toBlock ?? null) !== null)) {
    throw invalid('cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other');
  }
  const addresses = alternatives(address, 20, 'address');
  if (topics !== undefined && topics !== null && !Array.isArray(topics)) {
    throw invalid('invalid topics');
  }
  const places = (topics ?? []) as readonly JsonValue[];
  if (places.length > topicsMax) throw invalid('exceed max topics');
  const topicSets = places.map((place) => alternatives(place, 32, 'topic'));
  return {
    blockHash: hasHash ? parseFixed(blockHash, 32, 'hash') : undefined,
    from: parseBlockTag(fromBlock),
    to: parseBlockTag(toBlock),
    filter: new LogFilter(addresses, topicSets, keccak256),
  };
}

function alternatives(
  value: JsonValue | undefined,
  bytes: number,
  name: string,
): readonly Uint8Array[] {
  if (value === undefined || value === null) return [];
  const list = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
  if (list.length > alternativesMax) throw invalid(`exceed max ${name}s`);
  // null among topics stands for any.
  if (list.includes(null)) return [];
  return list.map((item) => parseFixed(item, bytes, name));
}

export class LogFilter {
  readonly #addresses: readonly Uint8Array[];
  readonly #topics: readonly (readonly Uint8Array[])[];
  /** For each place, the bits of each alternative. */
  readonly #bits: readonly (readonly (readonly number[])[])[];

  /** An empty set of alternatives matches anything. */
  constructor(
    addresses: readonly Uint8Array[],
    topics: readonly (readonly Uint8Array[])[],
    keccak256: (bytes: Uint8Array) => Uint8Array,
  ) {
    this.#addresses = addresses;
    this.#topics = topics;
    this.#bits = [addresses, ...topics].map((place) =>
      place.map((value) => bloomBits(keccak256(value))),
    );
  }

  /** False only when no log of the block matches. */
  mayMatch(bloom: Uint8Array): boolean {
    return this.#bits.every(
      (place) =>
        place.length === 0 ||
        place.some((bits) =>
          bits.every((bit) => ((bloom[255 - (bit >> 3)] as number) & (1 << (bit & 7))) !== 0),
        ),
    );
  }

  matches(log: EventLog): boolean {
    const isAddress =
      this.#addresses.length === 0 || this.#addresses.some((one) => equalBytes(one, log.address));
    if (!isAddress || log.topics.length < this.#topics.length) return false;
    return this.#topics.every((place, at) => {
      const topic = log.topics[at];
      return place.length === 0 || place.some((one) => topic && equalBytes(one, topic));
    });
  }
}

/** The three bits of a value in a 2048-bit bloom (yellow paper, section 4.3.1). */
function bloomBits(hash: Uint8Array): readonly number[] {
  const view = new DataView(hash.buffer, hash.byteOffset, hash.length);
  return [0, 2, 4].map((at) => view.getUint16(at) & 0x7ff);
}
