/** Copies files piece by piece, with their digest, durably. */
import type { Disk } from '@coco/base';
import { toHex } from '@coco/base';
import { Sha256 } from '@coco/crypto';

const pieceBytes = 1024 * 1024;

export interface FilePlace {
  readonly disk: Disk;
  readonly path: string;
}

export interface CopiedFile {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/**
 * Copies the file as it is now, or its first `bytes`, to a new one; durable but for its name.
 * @throws DiskFault
 */
export async function copyFile(
  from: FilePlace,
  to: FilePlace,
  options: { readonly bytes?: number; readonly onBytes?: (count: number) => void } = {},
): Promise<CopiedFile> {
  const source = await from.disk.open(from.path, { create: false });
  try {
    const size = options.bytes ?? (await source.size());
    const target = await to.disk.open(to.path, { create: true });
    try {
      const hash = new Sha256();
      for (let at = 0; at < size; at += pieceBytes) {
        const piece = await source.read(at, Math.min(pieceBytes, size - at));
        hash.update(piece);
        await target.write(at, piece);
        options.onBytes?.(piece.length);
      }
      await target.datasync();
      return { bytes: size, sha256: toHex(hash.digest()) };
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** The digest of a file's first `bytes`; undefined when it is shorter. @throws DiskFault */
export async function digestOf(place: FilePlace, bytes: number): Promise<string | undefined> {
  const file = await place.disk.open(place.path, { create: false });
  try {
    if ((await file.size()) < bytes) return undefined;
    const hash = new Sha256();
    for (let at = 0; at < bytes; at += pieceBytes) {
      hash.update(await file.read(at, Math.min(pieceBytes, bytes - at)));
    }
    return toHex(hash.digest());
  } finally {
    await file.close();
  }
}
