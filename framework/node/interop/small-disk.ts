/**
 * A real file system of a few megabytes, so that it really fills up: tmpfs, mounted by root (a
 * container's, or sudo without a password). A machine that has neither cannot run what needs one.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

const fillerName = 'filler.of.the.test';

export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async mount(folder: string, bytes: number): Promise<SmallDisk> {
    await mkdir(folder, { recursive: true });
    const { getuid } = process;
    const owner = `uid=${getuid?.() ?? 0},mode=700`;
    asRoot('mount', '-t', 'tmpfs', '-o', `size=${bytes},${owner}`, 'tmpfs', folder);
    return new SmallDisk(folder);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Another file grows until so much is left. */
  leave(freeBytes: number): void {
    this.free();
    const path = join(this.folder, fillerName);
    const bytes = Math.max(0, this.freeBytes - freeBytes);
    writeFileSync(path, new Uint8Array(bytes));
    assert.ok(this.freeBytes <= freeBytes, 'the disk is filled');
  }

  /** The other file goes. */
  free(): void {
    rmSync(join(this.folder, fillerName), { force: true });
  }

  unmount(): void {
    asRoot('umount', '--lazy', this.folder);
  }
}

function asRoot(...command: string[]): void {
  const isRoot = process.getuid?.() === 0;
  const [program = '', ...words] = isRoot ? command : ['sudo', '--non-interactive', ...command];
  execFileSync(program, words, { stdio: 'pipe' });
}
