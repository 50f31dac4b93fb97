/**
 * The part of the ledger before the snapshot that a node began from, as it comes in: chunk files in
 * a folder of their own below the ledger's, equal byte for byte to those of other nodes, because
 * the flags of the entries say where a chunk ends. When everything is there and proven, they join
 * the ledger. A crash before that leaves a folder that nobody reads and the next start empties.
 */
import { asSeqno, type Seqno } from '@coco/base';
import type { LedgerFolder } from './chunk-file.ts';
import { createLedgerFiles } from './create-ledger-files.ts';
import type { BatchBody, LedgerFiles } from './ledger-files.ts';
import { readBatches } from './read-batches.ts';

const folderName = 'older';
/** What is read of the node's own files at once. */
const readBytes = 4 * 1024 * 1024;

export class OlderFiles {
  readonly #files: LedgerFiles;
  readonly #staged: LedgerFiles;

  private constructor(files: LedgerFiles, staged: LedgerFiles) {
    this.#files = files;
    this.#staged = staged;
  }

  /** `files` are those of the node, which lack the beginning. @throws DiskFault */
  static async create(at: LedgerFolder, files: LedgerFiles): Promise<OlderFiles> {
    const { disk } = at;
    const folder = `${at.folder}/${folderName}`;
    for (const name of await disk.list(folder)) await disk.remove(`${folder}/${name}`);
    return new OlderFiles(files, await createLedgerFiles({ disk, folder }));
  }

  /** Verified batches from the first entry on, in order. @throws LedgerUnwritable, DiskFault */
  async append(batches: readonly BatchBody[]): Promise<void> {
    await this.#staged.append(batches);
    await this.#staged.commit(asSeqno(this.#staged.next - 1));
  }

  /**
   * Everything before the node's own files is here and proven: it joins them. False where the chunk
   * between the two is not complete yet: ask again later. @throws DiskFault
   */
  async finish(): Promise<boolean> {
    if (!(await this.#completeLast())) return false;
    await this.#staged.flush();
    await this.#files.adoptOlder(await this.#staged.release());
    return true;
  }

  /** The chunk that the snapshot cut in two is completed from the node's own files. */
  async #completeLast(): Promise<boolean> {
    if (this.#staged.isAtChunkEnd) return true;
    const end = this.#files.firstChunkEnd;
    if (end === undefined) return false;
    for (let next: Seqno = this.#staged.next; next <= end; next = this.#staged.next) {
      await this.append(await readBatches(this.#files, next, { to: end, bytesMax: readBytes }));
    }
    return true;
  }
}
