/** Reads a snapshot's file from another node, part by part. What is in it is still to be shown. */
import { emptyBytes } from '@coco/base';
import { type CatchUpSource, checked, refused } from './catch-up-source.ts';

/** The state of a node is to fit its memory, and so is who begins from a snapshot of it. */
const snapshotBytesMax = 4 * 1024 * 1024 * 1024;

interface PlacedPart {
  readonly from: number;
  readonly bytes: Uint8Array;
  /** Of the whole file; the same in each part. */
  readonly size: number;
}

/** @throws SourceRefused where the parts make no file, and what the source throws */
export async function* snapshotParts(
  source: CatchUpSource,
  name: string,
): AsyncGenerator<PlacedPart, void> {
  let size: number | undefined;
  for (let from = 0; from < (size ?? 1); ) {
    const part = await checked(source, () => source.readSnapshotPart(name, from));
    const { bytes } = part;
    size ??= part.size;
    const isWhole = bytes.length > 0 && from + bytes.length <= size && part.size === size;
    if (!isWhole || size > snapshotBytesMax) {
      throw refused(source, 'the parts of its snapshot do not fit each other.');
    }
    yield { from, bytes, size };
    from += bytes.length;
  }
}

/** The whole file. @throws as snapshotParts does */
export async function wholeSnapshot(source: CatchUpSource, name: string): Promise<Uint8Array> {
  let file = emptyBytes;
  for await (const { from, bytes, size } of snapshotParts(source, name)) {
    if (from === 0) file = new Uint8Array(size);
    file.set(bytes, from);
  }
  return file;
}
