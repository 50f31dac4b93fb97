/** The files that a node leaves in its folder for operators and tools (facts on CCF's program). */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { diskFault } from '@coco/base';
import { nodeError } from './errors.ts';

/** Writes whole or not at all. @throws DiskFault */
export async function writeOutput(folder: string, file: string, text: string): Promise<void> {
  const path = resolve(folder, file);
  try {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  } catch (cause) {
    throw diskFault('DiskFault', `The file "${file}" cannot be written.`, { file }, cause);
  }
}

/**
 * Takes the pid file, so that two nodes never share a folder; one left by a process that is gone is
 * taken over. @throws PidFileTaken, DiskFault
 */
export async function takePidFile(folder: string, file: string): Promise<void> {
  const path = resolve(folder, file);
  const pid = Number(await readFile(path, 'utf8').catch(() => ''));
  if (pid > 0 && pid !== process.pid && isRunning(pid)) {
    throw nodeError('PidFileTaken', `PID file ${file} already exists. Exiting.`, { pid });
  }
  await writeOutput(folder, file, `${process.pid}`);
}

export async function removeOutput(folder: string, file: string): Promise<void> {
  await rm(resolve(folder, file), { force: true });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
