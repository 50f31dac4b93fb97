/**
 * What a sandbox makes and keeps: its members' keys, the identities that they opened the service
 * under, and which nodes the network has. All of it is durable when a function here resolves.
 */
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SigningKey } from '@coco/crypto';
import { createMemberKeys, MemberFiles, syncFolder } from '@coco/member';
import { cliError } from './errors.ts';
import type { NodeFolder } from './node-folder.ts';
import type { SandboxAccount, SandboxFolder } from './sandbox-folder.ts';

const folderMode = 0o700;
const fileMode = 0o600;
/** Of a new sandbox: enough that a majority is not everybody. */
const memberCount = 3;

/** Makes the folders, and keys where there are none yet. */
export async function prepareKeys(
  folder: SandboxFolder,
  makeAccounts: () => readonly SandboxAccount[],
): Promise<void> {
  await mkdir(join(folder.path, 'members'), { recursive: true, mode: folderMode });
  await syncFolder(folder.path);
  await syncFolder(dirname(folder.path));
  if (await exists(folder.member('accounts.json'))) return;
  const names = Array.from({ length: memberCount }, (_, place) => `member${place}`);
  await Promise.all(names.map((name) => writeMemberKeys(name, (file) => folder.member(file))));
  const root = SigningKey.generate('P-384');
  await put(folder.member('development_root_privk.pem'), root.privatePem());
  // Last: its presence says that all the others are complete.
  await put(folder.member('accounts.json'), JSON.stringify(makeAccounts(), undefined, 2));
}

/**
 * The members whose keys are there, in order: three in a new sandbox, one in those of the first
 * version. Of three, one may be lost: the others open the service again.
 * @throws SandboxBroken when there are none
 */
export async function sandboxMembers(folder: SandboxFolder): Promise<readonly MemberFiles[]> {
  const files = await readdir(join(folder.path, 'members')).catch(() => []);
  const names = files.flatMap((file) => /^(member\d+)_cert\.pem$/.exec(file)?.[1] ?? []).sort();
  if (names.length > 0) {
    return Promise.all(names.map((name) => MemberFiles.find(folder.member(name))));
  }
  const message =
    'No member of the sandbox has a certificate (members/member0_cert.pem): restore it, or start ' +
    'a new sandbox with --fresh (which forgets the old one).';
  throw cliError('SandboxBroken', message);
}

/** Makes folders for nodes that the sandbox never had, and names them. */
export async function createNodeFolders(
  folder: SandboxFolder,
  count: number,
): Promise<readonly NodeFolder[]> {
  const numbers = (await folder.allNodes()).map(({ name }) => Number(name.slice('node'.length)));
  const next = Math.max(-1, ...numbers) + 1;
  const made = Array.from({ length: count }, (_, at) => folder.nodeFolder(`node${next + at}`));
  for (const { path } of made) await mkdir(path, { mode: folderMode });
  await syncFolder(folder.path);
  return made;
}

/** Says which nodes the network has. */
export function rememberNodes(folder: SandboxFolder, nodes: readonly NodeFolder[]): Promise<void> {
  return put(folder.nodesPath, `${JSON.stringify(nodes.map(({ name }) => name))}\n`);
}

/**
 * Before an opening is proposed: whatever happens then, the members know the identity that the
 * ledger has. `previous` is the one that the node found in it, so that service did open, although
 * a kill may have kept the members from noting it.
 */
export async function rememberOpening(
  folder: SandboxFolder,
  opening: { readonly previous: string | undefined; readonly next: string },
): Promise<void> {
  const { previous, next } = opening;
  if (previous !== undefined) await put(folder.member('service_identity.pem'), previous);
  await put(folder.member('service_identity_next.pem'), next);
}

/** After the service opened. */
export async function confirmIdentity(folder: SandboxFolder): Promise<void> {
  await rename(folder.member('service_identity_next.pem'), folder.member('service_identity.pem'));
  await syncFolder(join(folder.path, 'members'));
}

async function writeMemberKeys(name: string, pathOf: (file: string) => string): Promise<void> {
  const { files } = await createMemberKeys({
    name,
    curve: 'P-384',
    hasEncryptionKey: true,
    nowMs: Date.now(),
  });
  for (const [file, text] of files) await put(pathOf(file), text);
}

/**
 * Writes whole or not at all, by a new file that takes the name. Without these files nobody can
 * read the ledger, which is flushed: they must not be lost before it.
 */
async function put(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', fileMode);
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncFolder(dirname(path));
}

async function exists(path: string): Promise<boolean> {
  return readFile(path).then(
    () => true,
    () => false,
  );
}
