/**
 * Names of maps. A name that starts with `public:` marks a map whose writes stand in clear in the
 * ledger; every other map is private (CCF's rule: doc/build_apps/kv, "Map Naming").
 */
import { compareBytes, utf8Encode } from '@coco/base';
import { kvError } from './errors.ts';

const publicPrefix = 'public:';
/** Below it code units are code points, and both are in the order of their UTF-8 bytes. */
const firstSurrogate = 0xd800;

export function isPublicMap(name: string): boolean {
  return name.startsWith(publicPrefix);
}

/** Order of two names by their UTF-8 bytes; JavaScript's own order differs above U+FFFF. */
export function compareMapNames(left: string, right: string): number {
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at++) {
    const [one, other] = [left.charCodeAt(at), right.charCodeAt(at)];
    if (one === other) continue;
    if (one < firstSurrogate && other < firstSurrogate) return one - other;
    return compareBytes(utf8Encode(left), utf8Encode(right));
  }
  return left.length - right.length;
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
