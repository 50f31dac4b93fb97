/** The files that a node leaves in its folder for operators and tools (facts on CCF's program). */

import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { diskFault } from '@coco/base';
import { nodeError } from './errors.ts';

/** proc(5): starttime, counted from the state on, in ticks since the machine's start. */
const startField = 19;
const ticksPerSecond = 100;
/** btime is in whole seconds. */
const clockSlackMs = 2_000;

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
  // Of two that start at once, one creates the file.
  while (!(await createFile(path, `${process.pid}`))) {
    const pid = Number(await readFile(path, 'utf8').catch(() => ''));
    if (pid > 0 && pid !== process.pid && (await isHolder(pid, path))) {
      throw nodeError('PidFileTaken', `PID file ${file} already exists. Exiting.`, { pid });
    }
    await rm(path, { force: true }).catch((cause: unknown) => {
      throw diskFault('DiskFault', `The file "${file}" cannot be replaced.`, { file }, cause);
    });
  }
}

/** False when the file is there already. @throws DiskFault */
async function createFile(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw diskFault('DiskFault', `The file "${path}" cannot be written.`, { file: path }, cause);
  }
}

export async function removeOutput(folder: string, file: string): Promise<void> {
  await rm(resolve(folder, file), { force: true });
}

/**
 * Whether the process still runs that wrote the file: a killed one that nobody has waited for does
 * not, nor does a later process that was given the same number.
 */
async function isHolder(pid: number, path: string): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const [status, machine] = await Promise.all(
    [`/proc/${pid}/stat`, '/proc/stat'].map((name) => readFile(name, 'utf8').catch(() => '')),
  );
  // Elsewhere than on Linux there is no more to know.
  if (!status || !machine) return true;
  // The name before it is in brackets and may hold anything.
  const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z') return false;
  const bootSeconds = Number(/^btime (\d+)$/m.exec(machine)?.[1]);
  const startMs = (bootSeconds + Number(fields[startField]) / ticksPerSecond) * 1000;
  const { mtimeMs } = await stat(path);
  return startMs <= mtimeMs + clockSlackMs;
}
