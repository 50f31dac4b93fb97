/** The folder of one node of a sandbox: what the node reads and writes. */
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type JsonValue, LedgerError, parseJson, utf8Encode } from '@coco/base';
import { cliError } from './errors.ts';

export interface NodeAddresses {
  readonly name: string;
  readonly httpsUrl: string;
  readonly rpcUrl: string;
}

export class NodeFolder {
  /** `node0` and so on: a number is never given twice in a sandbox. */
  readonly name: string;
  readonly path: string;

  constructor(sandboxPath: string, name: string) {
    this.name = name;
    this.path = join(sandboxPath, name);
  }

  get ledgerPath(): string {
    return this.file('ledger');
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async hasLedger(): Promise<boolean> {
    const names = await readdir(this.ledgerPath).catch(() => []);
    return names.some((name) => name.startsWith('ledger_'));
  }

  /** Whether the ledger is here from its first entry on; a node that joins may fetch that last. */
  async hasWholeLedger(): Promise<boolean> {
    const names = await readdir(this.ledgerPath).catch(() => []);
    return names.some((name) => /^ledger_1(-|$)/.test(name));
  }

  async hasConfiguration(): Promise<boolean> {
    return access(this.file('config.json')).then(
      () => true,
      () => false,
    );
  }

  /** Whether the node's process runs: a node takes its pid file with it, but not when killed. */
  async isRunning(): Promise<boolean> {
    const text = await readFile(this.file('node.pid'), 'utf8').catch(() => '');
    if (!/^\d+$/.test(text)) return false;
    try {
      return process.kill(Number(text), 0);
    } catch {
      return false;
    }
  }

  /** Where the node listens, or listened; undefined when it never did. @throws SandboxBroken */
  async addresses(): Promise<NodeAddresses | undefined> {
    const file = 'rpc_addresses.json';
    const text = await readFile(this.file(file), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const value = parseFile(text, `${this.name}/${file}`);
    const { https, ethereum } = isJsonObject(value) ? value : {};
    if (typeof https !== 'string' || typeof ethereum !== 'string') {
      const message = `${this.name}/${file} lacks an address of the node.`;
      throw cliError('SandboxBroken', message);
    }
    return { name: this.name, httpsUrl: `https://${https}`, rpcUrl: `http://${ethereum}` };
  }
}

/** Parses a file of a sandbox, by its name in it. @throws SandboxBroken */
export function parseFile(text: string, name: string): JsonValue {
  try {
    return parseJson(utf8Encode(text));
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw cliError('SandboxBroken', `The file ${name} of the sandbox is damaged.`, { name }, cause);
  }
}
