/**
 * The files of a sandbox. `members/` holds what a real network never has in one place: the members'
 * keys, the development root and the keys of two funded accounts. `node0/` holds what the node
 * writes; without `members/` nothing in it can be read.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isJsonObject, type JsonValue, parseJson, utf8Encode } from '@coco/base';
import { SigningKey } from '@coco/crypto';
import { createMemberKeys, MemberFiles, syncFolder } from '@coco/member';
import { cliError } from './errors.ts';

const folderMode = 0o700;
const fileMode = 0o600;
/** Of a new sandbox: enough that a majority is not everybody. */
const memberCount = 3;

export interface SandboxAccount {
  readonly address: `0x${string}`;
  readonly privateKey: `0x${string}`;
}

export class SandboxFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get nodePath(): string {
    return join(this.path, 'node0');
  }

  get ledgerPath(): string {
    return join(this.nodePath, 'ledger');
  }

  member(name: string): string {
    return join(this.path, 'members', name);
  }

  node(name: string): string {
    return join(this.nodePath, name);
  }

  /** Makes the folders, and keys where there are none yet. Durable when it resolves. */
  async prepare(makeAccounts: () => readonly SandboxAccount[]): Promise<void> {
    await mkdir(join(this.path, 'members'), { recursive: true, mode: folderMode });
    await mkdir(this.nodePath, { recursive: true, mode: folderMode });
    await syncFolder(this.path);
    await syncFolder(dirname(this.path));
    if (await exists(this.member('accounts.json'))) return;
    const names = Array.from({ length: memberCount }, (_, place) => memberName(place));
    await Promise.all(names.map((name) => writeMemberKeys(name, (file) => this.member(file))));
    const root = SigningKey.generate('P-384');
    await put(this.member('development_root_privk.pem'), root.privatePem());
    // Last: its presence says that all the others are complete.
    await put(this.member('accounts.json'), JSON.stringify(makeAccounts(), undefined, 2));
  }

  /**
   * The members whose keys are there, in order: three in a new sandbox, one in those of the first
   * version. Of three, one may be lost: the others open the service again.
   * @throws SandboxBroken when there are none
   */
  async members(): Promise<readonly MemberFiles[]> {
    const files = await readdir(join(this.path, 'members')).catch(() => []);
    const names = files.flatMap((file) => /^(member\d+)_cert\.pem$/.exec(file)?.[1] ?? []).sort();
    if (names.length === 0) await this.#read(`${memberName(0)}_cert.pem`);
    return Promise.all(names.map((name) => MemberFiles.find(this.member(name))));
  }

  /** @throws SandboxBroken */
  async readAccounts(): Promise<readonly SandboxAccount[]> {
    const value = parseFile(await this.#read('accounts.json'), 'members/accounts.json');
    const accounts = Array.isArray(value) ? value.filter(isAccount) : [];
    if (accounts.length >= 2) return accounts;
    throw cliError('SandboxBroken', 'The file members/accounts.json does not hold two accounts.');
  }

  /** @throws SandboxBroken */
  async readDevelopmentRoot(): Promise<SigningKey> {
    return SigningKey.fromPem(await this.#read('development_root_privk.pem'));
  }

  async hasLedger(): Promise<boolean> {
    const names = await readdir(this.ledgerPath).catch(() => []);
    return names.some((name) => name.startsWith('ledger_'));
  }

  /** The addresses of the running node. @throws SandboxUnreachable when it has left none */
  async addresses(): Promise<{ httpsUrl: string; rpcUrl: string }> {
    const text = await readFile(this.node('rpc_addresses.json'), 'utf8').catch((cause: unknown) => {
      const message = `No sandbox has run in ${this.path}: start one with "npm start".`;
      throw cliError('SandboxUnreachable', message, {}, cause);
    });
    const value = parseFile(text, 'node0/rpc_addresses.json');
    const { https, ethereum } = isJsonObject(value) ? value : {};
    if (typeof https !== 'string' || typeof ethereum !== 'string') {
      throw cliError('SandboxBroken', 'node0/rpc_addresses.json lacks an address of the sandbox.');
    }
    return { httpsUrl: `https://${https}`, rpcUrl: `http://${ethereum}` };
  }

  /** Deletes what a sandbox has made in its folder, and nothing else that is there. */
  async remove(): Promise<void> {
    for (const path of [this.nodePath, join(this.path, 'members')]) {
      await rm(path, { recursive: true, force: true });
    }
  }

  async removeLedger(): Promise<void> {
    await rm(this.ledgerPath, { recursive: true, force: true });
  }

  /**
   * The service identities that the member knows, newest first: the last opened one, and one whose
   * opening was under way when the sandbox stopped.
   */
  async knownIdentities(): Promise<readonly string[]> {
    const identities: string[] = [];
    for (const name of ['service_identity_next.pem', 'service_identity.pem']) {
      if (await exists(this.member(name))) identities.push(await this.#read(name));
    }
    return identities;
  }

  /** Whether the service was open at some time: then it has a ledger that says so. */
  async hasOpened(): Promise<boolean> {
    return exists(this.member('service_identity.pem'));
  }

  /**
   * Before an opening is proposed: whatever happens then, the member knows the identity that the
   * ledger has. `previous` is the one that the node found in it, so that service did open, although
   * a kill may have kept the member from noting it.
   */
  async rememberOpening(opening: {
    readonly previous: string | undefined;
    readonly next: string;
  }): Promise<void> {
    const { previous, next } = opening;
    if (previous !== undefined) await put(this.member('service_identity.pem'), previous);
    await put(this.member('service_identity_next.pem'), next);
  }

  /** After the service opened. */
  async confirmIdentity(): Promise<void> {
    await rename(this.member('service_identity_next.pem'), this.member('service_identity.pem'));
    await syncFolder(join(this.path, 'members'));
  }

  async #read(name: string): Promise<string> {
    try {
      return await readFile(this.member(name), 'utf8');
    } catch (cause) {
      throw cliError(
        'SandboxBroken',
        `The file members/${name} of the sandbox cannot be read: restore it, or start a new ` +
          'sandbox with --fresh (which forgets the old one).',
        { name },
        cause,
      );
    }
  }
}

function parseFile(text: string, name: string): JsonValue {
  try {
    return parseJson(utf8Encode(text));
  } catch (cause) {
    throw cliError('SandboxBroken', `The file ${name} of the sandbox is damaged.`, { name }, cause);
  }
}

function isAccount(value: JsonValue): value is JsonValue & SandboxAccount {
  if (!isJsonObject(value)) return false;
  const { address, privateKey } = value;
  return (
    typeof address === 'string' &&
    /^0x[0-9a-fA-F]{40}$/.test(address) &&
    typeof privateKey === 'string' &&
    /^0x[0-9a-fA-F]{64}$/.test(privateKey)
  );
}

function memberName(place: number): string {
  return `member${place}`;
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
 * Writes whole or not at all, by a new file that takes the name; durable when it resolves. Without
 * these files nobody can read the ledger, which is flushed: they must not be lost before it.
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
