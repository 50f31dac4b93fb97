/**
 * Names of maps. A name that starts with `public:` marks a map whose writes stand in clear in the
 * ledger; every other map is private (CCF's rule: doc/build_apps/kv, "Map Naming").
 */
import { compareBytes, utf8Encode } from '@coco/base';
import { kvError } from './errors.ts';

const publicPrefix = 'public:';
/** Code units below 0x80 are their own UTF-8 bytes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of ASCII.
const asciiOnly = /^[\x00-\x7f]*$/;

export function isPublicMap(name: string): boolean {
  return name.startsWith(publicPrefix);
}

/** Order of two names by their UTF-8 bytes; JavaScript's own order differs above U+FFFF. */
export function compareMapNames(left: string, right: string): number {
  if (asciiOnly.test(left) && asciiOnly.test(right)) {
    return left < right ? -1 : left > right ? 1 : 0;
  }
  return compareBytes(utf8Encode(left), utf8Encode(right));
}

/** @throws InvalidMapName when empty, longer than `bytesMax` in UTF-8, or with a lone surrogate. */
export function ensureMapName(name: string, bytesMax: number): void {
  const isShort = name.length * 3 <= bytesMax || utf8Encode(name).length <= bytesMax;
  if (name.length === 0 || !isShort || !name.isWellFormed()) {
    throw kvError('InvalidMapName', `A map name has 1 to ${bytesMax} bytes of UTF-8.`, {
      length: name.length,
    });
  }
}
