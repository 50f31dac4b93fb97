/**
 * The files of a sandbox. `members/` holds what a real network never has in one place: the members'
 * keys, the development root and the keys of two funded accounts. `node0/` holds what the node
 * writes; without `members/` nothing in it can be read.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createCertificate, EncryptionKey, SigningKey } from '@coco/crypto';
import { cliError } from './errors.ts';

const folderMode = 0o700;
const fileMode = 0o600;
const memberDays = 3650;

export interface SandboxAccount {
  readonly address: `0x${string}`;
  readonly privateKey: `0x${string}`;
}

export interface SandboxMember {
  readonly certificatePem: string;
  readonly key: SigningKey;
  readonly encryptionKey: EncryptionKey;
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

  /** Makes the folders, and keys where there are none yet. */
  async prepare(makeAccounts: () => readonly SandboxAccount[]): Promise<void> {
    await mkdir(join(this.path, 'members'), { recursive: true, mode: folderMode });
    await mkdir(this.nodePath, { recursive: true, mode: folderMode });
    if (await exists(this.member('accounts.json'))) return;
    await writeMemberKeys((name) => this.member(name));
    const root = SigningKey.generate('P-384');
    await put(this.member('development_root_privk.pem'), root.privatePem());
    // Last: its presence says that all the others are complete.
    await put(this.member('accounts.json'), JSON.stringify(makeAccounts(), undefined, 2));
  }

  /** @throws SandboxBroken */
  async readMember(): Promise<SandboxMember> {
    return {
      certificatePem: await this.#read('member0_cert.pem'),
      key: SigningKey.fromPem(await this.#read('member0_privk.pem')),
      encryptionKey: EncryptionKey.fromPem(await this.#read('member0_enc_privk.pem')),
    };
  }

  /** @throws SandboxBroken */
  async readAccounts(): Promise<readonly SandboxAccount[]> {
    return JSON.parse(await this.#read('accounts.json')) as readonly SandboxAccount[];
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
    const { https, ethereum } = JSON.parse(text) as { https: string; ethereum: string };
    return { httpsUrl: `https://${https}`, rpcUrl: `http://${ethereum}` };
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

  /** Before the opening is proposed: whatever happens then, the member knows the identity. */
  async rememberNextIdentity(pem: string): Promise<void> {
    await put(this.member('service_identity_next.pem'), pem);
  }

  /** After the service opened. */
  async confirmIdentity(): Promise<void> {
    await rename(this.member('service_identity_next.pem'), this.member('service_identity.pem'));
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

async function writeMemberKeys(pathOf: (name: string) => string): Promise<void> {
  const key = SigningKey.generate('P-384');
  const encryptionKey = EncryptionKey.generate();
  const certificate = await createCertificate({
    subject: 'member0',
    key,
    isAuthority: false,
    notBeforeMs: Date.now(),
    days: memberDays,
  });
  await put(pathOf('member0_cert.pem'), certificate);
  await put(pathOf('member0_privk.pem'), key.privatePem());
  await put(pathOf('member0_enc_privk.pem'), encryptionKey.privatePem());
  await put(pathOf('member0_enc_pubk.pem'), encryptionKey.publicPem);
}

/** Writes whole or not at all: by a new file that takes the name. */
async function put(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: fileMode });
  await rename(`${path}.new`, path);
}

async function exists(path: string): Promise<boolean> {
  return readFile(path).then(
    () => true,
    () => false,
  );
}
