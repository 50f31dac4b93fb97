/**
 * The files of a sandbox. `members/` holds what a real network never has in one place: the members'
 * keys, the development root and the keys of two funded accounts. `node0/`, `node1/` and so on hold
 * what each node writes; without `members/` nothing in them can be read. `nodes.json` names those
 * of the present network. This file reads; sandbox-keys.ts makes and keeps.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type JsonValue } from '@coco/base';
import { SigningKey } from '@coco/crypto';
import { cliError } from './errors.ts';
import { type NodeAddresses, NodeFolder, parseFile } from './node-folder.ts';

const firstNode = 'node0';

export interface SandboxAccount {
  readonly address: `0x${string}`;
  readonly privateKey: `0x${string}`;
}

export class SandboxFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  member(name: string): string {
    return join(this.path, 'members', name);
  }

  /** Where the names of the present network's nodes stand. */
  get nodesPath(): string {
    return join(this.path, 'nodes.json');
  }

  nodeFolder(name: string): NodeFolder {
    return new NodeFolder(this.path, name);
  }

  /**
   * The nodes of the present network, or of the last one that ran; in a sandbox that never ran, and
   * in those of the first versions, one. @throws SandboxBroken
   */
  async nodes(): Promise<readonly [NodeFolder, ...(readonly NodeFolder[])]> {
    const text = await readFile(this.nodesPath, 'utf8').catch(() => undefined);
    const value = text === undefined ? [firstNode] : parseFile(text, 'nodes.json');
    const names = Array.isArray(value) ? value.filter(isNodeName) : [];
    const [first, ...others] = names.map((name) => this.nodeFolder(name));
    if (first) return [first, ...others];
    throw cliError('SandboxBroken', 'The file nodes.json names no node of the sandbox.');
  }

  /** Every node's folder that is there, also of nodes that were replaced. */
  async allNodes(): Promise<readonly NodeFolder[]> {
    const names = await readdir(this.path).catch(() => []);
    return names.filter(isNodeName).map((name) => this.nodeFolder(name));
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

  /**
   * The addresses of the network's nodes, those first whose process runs.
   * @throws SandboxUnreachable when no node has left any
   */
  async addresses(): Promise<readonly [NodeAddresses, ...(readonly NodeAddresses[])]> {
    const found = await Promise.all(
      (await this.nodes()).map(async (node) => {
        const addresses = await node.addresses();
        return addresses && { addresses, isRunning: await node.isRunning() };
      }),
    );
    const [first, ...others] = found
      .filter((one) => one !== undefined)
      .sort((left, right) => Number(right.isRunning) - Number(left.isRunning))
      .map(({ addresses }) => addresses);
    if (first) return [first, ...others];
    const message = `No sandbox has run in ${this.path}: start one with "npm start".`;
    throw cliError('SandboxUnreachable', message);
  }

  /** Deletes what a sandbox has made in its folder, and nothing else that is there. */
  async remove(): Promise<void> {
    const nodes = (await this.allNodes()).map(({ path }) => path);
    for (const path of [...nodes, this.nodesPath, join(this.path, 'members')]) {
      await rm(path, { recursive: true, force: true });
    }
  }

  /**
   * The service identities that the members know, newest first: the last opened one, and one whose
   * opening was under way when the sandbox stopped.
   */
  async knownIdentities(): Promise<readonly string[]> {
    const names = ['service_identity_next.pem', 'service_identity.pem'];
    const texts = await Promise.all(
      names.map((name) => readFile(this.member(name), 'utf8').catch(() => undefined)),
    );
    return texts.filter((text) => text !== undefined);
  }

  /** Whether the service was open at some time: then it has a ledger that says so. */
  async hasOpened(): Promise<boolean> {
    return readFile(this.member('service_identity.pem')).then(
      () => true,
      () => false,
    );
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

/** Where the nodes serve JSON-RPC, in their order. */
export function rpcUrlsOf([first, ...others]: readonly [
  NodeAddresses,
  ...(readonly NodeAddresses[]),
]): readonly [string, ...(readonly string[])] {
  return [first.rpcUrl, ...others.map(({ rpcUrl }) => rpcUrl)];
}

function isNodeName(value: JsonValue): value is string {
  return typeof value === 'string' && /^node\d{1,6}$/.test(value);
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
