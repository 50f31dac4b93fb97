/**
 * Where the suites of clients work: the clients' packages, installed once into .cache as
 * clients/package-lock.json pins them, a folder of projects beside them, and a real node. What the
 * projects import exists only there, so their files are texts here.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Hex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { askAt } from './ask.ts';
import { installPackages, sourceOf } from './installed-packages.ts';
import { type SandboxNode, sandboxChainId, startSandbox } from './sandbox-node.ts';

const run = promisify(execFile);
const source = sourceOf('clients');
const programMsMax = 120_000;
const purse = 10n ** 18n;
/** The test token: abi and bytecode. */
export const tokenPath: string = fileURLToPath(
  new URL('../test/fixtures/token.json', import.meta.url),
);

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class ClientPlace {
  /** Has node_modules, and a file for each of `source`'s. */
  readonly folder: string;
  readonly node: SandboxNode;
  #funderNonce = 0;

  private constructor(folder: string, node: SandboxNode) {
    this.folder = folder;
    this.node = node;
  }

  /** A sentence instead, when the packages cannot be installed. */
  static async prepare(): Promise<ClientPlace | string> {
    const { folder, missing } = await installPackages('clients');
    if (missing !== undefined) return missing;
    return new ClientPlace(folder, await startSandbox());
  }

  get url(): string {
    return this.node.urls[0];
  }

  /** Copies a text to where it becomes a program or a source. */
  copy(name: string, to: string): void {
    mkdirSync(join(this.folder, to, '..'), { recursive: true });
    cpSync(join(source, name), join(this.folder, to));
  }

  /** A published artefact of a package. */
  artefact(path: string): { readonly abi: readonly unknown[]; readonly bytecode: Hex } {
    const file = join(this.folder, 'node_modules', path);
    const { abi, bytecode, evm } = JSON.parse(readFileSync(file, 'utf8'));
    const code: string = typeof bytecode === 'string' ? bytecode : evm.bytecode.object;
    return { abi, bytecode: code.startsWith('0x') ? (code as Hex) : `0x${code}` };
  }

  /** Where a package's file is: of the repository's own npm solc, too. */
  resolve(name: string): string {
    return createRequire(import.meta.url).resolve(name);
  }

  /** A new key with one ether: no suite disturbs another's nonces. */
  async fundedKey(): Promise<Hex> {
    const key = generatePrivateKey();
    const funder = privateKeyToAccount(this.node.keys[0]);
    const raw = await funder.signTransaction({
      ...{ type: 'eip1559', chainId: sandboxChainId, nonce: this.#funderNonce++, gas: 21_000n },
      to: privateKeyToAccount(key).address,
      value: purse,
    });
    const { status } = await askAt(this.url)('eth_sendRawTransactionSync', raw);
    assert.equal(status, '0x1');
    return key;
  }

  /** Runs a program with the node's address and a key of its own; never throws. */
  async run(file: string, args: readonly string[], key: Hex): Promise<Ran> {
    const env = {
      ...process.env,
      COCO_URL: this.url,
      COCO_KEY: key,
      COCO_TOKEN: tokenPath,
      COCO_SOLC: this.resolve('solc'),
      COCO_SOLJSON: this.resolve('solc/soljson.js'),
      HARDHAT_IGNITION_CONFIRM_DEPLOYMENT: 'true',
      HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true',
      FOUNDRY_DISABLE_NIGHTLY_WARNING: 'true',
      NO_COLOR: '1',
    };
    const options = { cwd: this.folder, timeout: programMsMax, env };
    try {
      const { stdout, stderr } = await run(file, [...args], options);
      return { code: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as Partial<Ran>;
      return { code: Number(code) || 1, stdout: stdout ?? '', stderr: stderr ?? String(error) };
    }
  }
}

/** The program ended well; else what it said is the message. */
export function assertWell({ code, stdout, stderr }: Ran): void {
  assert.equal(code, 0, `${stdout}\n${stderr}`.slice(-4_000));
}
