/**
 * The folder of snapshot files. A file grows under a name that is nobody's, is named when its
 * evidence has a seqno, and becomes `.committed` with the receipt behind it: a crash leaves files
 * that readers pass over, and the next start removes them.
 *
 * One snapshot is written at a time: `write`, `name`, `commit` or `discard`, each awaited. Beside
 * it one may come from another node: `receive`, then `keep` or `discard` of what it returns.
 */
import { assert, type DiskFile, present, type Seqno } from '@coco/base';
import type { LedgerFolder } from './chunk-file.ts';
import type { EncodedSnapshot } from './encode-snapshot.ts';
import { ledgerError } from './errors.ts';
import { formatSnapshotName, parseSnapshotName, type SnapshotName } from './snapshot-name.ts';

const growingName = 'snapshot.writing';
const receivedName = 'snapshot.receiving';

export class SnapshotFiles {
  readonly #at: LedgerFolder;
  /** Committed ones, by seqno ascending. */
  #committed: SnapshotName[];
  /** The file that is being made. */
  #made: { readonly seqno: Seqno; readonly size: number; name: string } | undefined;

  private constructor(at: LedgerFolder, committed: SnapshotName[]) {
    this.#at = at;
    this.#committed = committed;
  }

  /**
   * Opens the folder; makes it if need be and removes what was never committed. Snapshots whose
   * evidence is beyond `last`, the end of the ledger, are not of this ledger and are passed over.
   * @throws DiskFault, DiskFull
   */
  static async open(at: LedgerFolder, last: Seqno): Promise<SnapshotFiles> {
    const { disk, folder } = at;
    await disk.makeFolder(folder);
    const committed: SnapshotName[] = [];
    for (const text of await disk.list(folder)) {
      const name = parseSnapshotName(text);
      if (text === growingName || text === receivedName || name?.isCommitted === false) {
        await disk.remove(`${folder}/${text}`);
      } else if (name && name.evidenceSeqno <= last) committed.push(name);
    }
    return new SnapshotFiles(
      at,
      committed.sort((left, right) => left.seqno - right.seqno),
    );
  }

  /** The newest committed one, if it is of `since` or later. */
  newest(since: number = 0): SnapshotName | undefined {
    const name = this.#committed.at(-1);
    return name && name.seqno >= since ? name : undefined;
  }

  /** Writes the entry; durable when it resolves. @throws DiskFault, DiskFull */
  async write(snapshot: EncodedSnapshot): Promise<void> {
    assert(this.#made === undefined, 'one snapshot is written at a time');
    const { seqno, pages, size } = snapshot;
    this.#made = { seqno, size, name: growingName };
    const { disk } = this.#at;
    await this.#removeIfThere(growingName);
    const file = await disk.open(this.#path(growingName), { create: true });
    let position = 0;
    try {
      for (const page of pages) {
        await file.write(position, page);
        position += page.length;
      }
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  /** Gives the written file its name. @throws DiskFault */
  async name(evidenceSeqno: Seqno): Promise<void> {
    const made = present(this.#made, 'a snapshot is written before it is named');
    await this.#rename({ seqno: made.seqno, evidenceSeqno, isCommitted: false });
  }

  /** Appends the receipt; from here on the snapshot counts. @throws DiskFault, DiskFull */
  async commit(receipt: Uint8Array): Promise<SnapshotName> {
    const made = present(this.#made, 'a snapshot is named before it is committed');
    const named = present(parseSnapshotName(made.name), 'a committed snapshot has its name');
    const file = await this.#at.disk.open(this.#path(made.name), { create: false });
    try {
      await file.write(made.size, receipt);
      await file.datasync();
    } finally {
      await file.close();
    }
    const name = { ...named, isCommitted: true };
    await this.#rename(name);
    this.#made = undefined;
    this.#add(name);
    return name;
  }

  #add(name: SnapshotName): void {
    const others = this.#committed.filter(({ seqno }) => seqno !== name.seqno);
    this.#committed = [...others, name].sort((left, right) => left.seqno - right.seqno);
  }

  /** Removes the file that was being made: its evidence is lost, or a write failed. */
  async discard(): Promise<void> {
    const made = this.#made;
    this.#made = undefined;
    if (made) await this.#removeIfThere(made.name);
  }

  /** Whether it is here, committed. */
  has(name: SnapshotName): boolean {
    return this.#committed.some((one) => formatSnapshotName(one) === formatSnapshotName(name));
  }

  /** Takes a file that another node made, part by part. @throws DiskFault, DiskFull */
  async receive(): Promise<ReceivedSnapshot> {
    await this.#removeIfThere(receivedName);
    const path = this.#path(receivedName);
    const file = await this.#at.disk.open(path, { create: true });
    return new ReceivedSnapshot(file, {
      keep: async (name) => {
        await this.#at.disk.rename(path, this.#path(formatSnapshotName(name)));
        await this.#at.disk.syncFolder(this.#at.folder);
        this.#add(name);
      },
      discard: () => this.#removeIfThere(receivedName),
    });
  }

  /** Removes the oldest committed files beyond `count`. @throws DiskFault */
  async retain(count: number): Promise<readonly SnapshotName[]> {
    assert(count > 0, 'the newest snapshot is always kept');
    const removed = this.#committed.slice(0, -count);
    for (const name of removed) {
      await this.#removeIfThere(formatSnapshotName(name));
      this.#committed = this.#committed.filter((one) => one !== name);
    }
    return removed;
  }

  /** Bytes of a committed file. @throws EntryNotFound, DiskFault */
  async size(text: string): Promise<number> {
    const file = await this.#at.disk.open(this.#committedPath(text), { create: false });
    try {
      return await file.size();
    } finally {
      await file.close();
    }
  }

  /** A part of a committed file. @throws EntryNotFound, DiskFault */
  async read(
    text: string,
    part: { readonly offset: number; readonly length: number },
  ): Promise<Uint8Array> {
    const file = await this.#at.disk.open(this.#committedPath(text), { create: false });
    try {
      return await file.read(part.offset, part.length);
    } finally {
      await file.close();
    }
  }

  async #removeIfThere(name: string): Promise<void> {
    const { disk, folder } = this.#at;
    if ((await disk.list(folder)).includes(name)) await disk.remove(this.#path(name));
  }

  #committedPath(text: string): string {
    const isKnown = this.#committed.some((name) => formatSnapshotName(name) === text);
    if (isKnown) return this.#path(text);
    throw ledgerError('EntryNotFound', 'There is no committed snapshot of that name.');
  }

  async #rename(name: SnapshotName): Promise<void> {
    const made = present(this.#made, 'a file is being made');
    const to = formatSnapshotName(name);
    await this.#at.disk.rename(this.#path(made.name), this.#path(to));
    made.name = to;
    await this.#at.disk.syncFolder(this.#at.folder);
  }

  #path(name: string): string {
    return `${this.#at.folder}/${name}`;
  }
}

interface ReceivedEnd {
  readonly keep: (name: SnapshotName) => Promise<void>;
  readonly discard: () => Promise<void>;
}

/** A file that comes from another node. It counts once it is kept. */
export class ReceivedSnapshot {
  readonly #file: DiskFile;
  readonly #end: ReceivedEnd;
  #size = 0;

  constructor(file: DiskFile, end: ReceivedEnd) {
    this.#file = file;
    this.#end = end;
  }

  /** @throws DiskFault, DiskFull */
  async append(bytes: Uint8Array): Promise<void> {
    await this.#file.write(this.#size, bytes);
    this.#size += bytes.length;
  }

  /** What was received is the committed snapshot of that name. Durable when it resolves. */
  async keep(name: SnapshotName): Promise<void> {
    assert(name.isCommitted, 'a file that is kept ends with its receipt');
    await this.#file.datasync();
    await this.#file.close();
    await this.#end.keep(name);
  }

  async discard(): Promise<void> {
    await this.#file.close();
    await this.#end.discard();
  }
}
