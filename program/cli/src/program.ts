/** What this program is: its version, its folder and the measurement of its code. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toHex } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { measureCode } from '@coco/node';

/** The repository, or the folder that it was installed in. */
const programRoot: string = fileURLToPath(new URL('../../..', import.meta.url));
/** The launcher: what a node process begins with. */
export const launcherPath: string = fileURLToPath(new URL('./main.ts', import.meta.url));

export async function programVersion(): Promise<string> {
  const manifest = JSON.parse(
    await readFile(new URL('../package.json', import.meta.url), 'utf8'),
  ) as { readonly version: string };
  return manifest.version;
}

/** Digests of the code and of the launcher, in hex, as the virtual platform reports them. */
export async function measureProgram(): Promise<{ measurement: string; hostData: string }> {
  const rooms: string[] = ['program/cli'];
  for (const building of ['framework', 'adapters']) {
    const names = await readdir(join(programRoot, building));
    rooms.push(...names.map((name) => `${building}/${name}`));
  }
  return {
    measurement: await measureCode(programRoot, rooms),
    hostData: toHex(sha256(await readFile(launcherPath))),
  };
}
