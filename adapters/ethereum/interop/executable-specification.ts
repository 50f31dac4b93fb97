/**
 * Ethereum's executable specification (PyPI ethereum-execution): its own transition tool, as it
 * ships, run as a daemon on a Unix socket in a folder that the caller owns. One transaction per
 * call on a state of the caller's. It ends by itself a while after the last call.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { fromHex, toHex } from '@coco/base';
import { RLP } from '@ethereumjs/rlp';
import type { BlockEnvironment } from '../src/engine-types.ts';
import { config, emptyCodeHashHex, type MemoryState } from '../test/memory-state.ts';
import { describeAccount, type Outcome } from '../test/other-machine.ts';

const idleSecondsMax = 60;
const startMsMax = 60_000;
const pollMs = 50;

interface TransitionResult {
  readonly result: {
    readonly gasUsed: string;
    readonly rejected: readonly { readonly error: string }[];
    readonly receipts: readonly {
      readonly succeeded: boolean;
      readonly logs: readonly {
        readonly address: string;
        readonly topics: readonly string[];
        readonly data: string;
      }[];
    }[];
  };
  readonly alloc: Readonly<Record<string, SpecificationAccount>>;
}

interface SpecificationAccount {
  readonly nonce?: string;
  readonly balance?: string;
  readonly code?: string;
  readonly storage?: Readonly<Record<string, string>>;
}

export class ExecutableSpecification {
  readonly #child: ChildProcess;
  readonly #socket: string;
  #said = '';

  private constructor(child: ChildProcess, socket: string) {
    this.#child = child;
    this.#socket = socket;
    child.stderr?.on('data', (part) => {
      this.#said = (this.#said + part).slice(-2_000);
    });
  }

  /** `python` has the package; `folder` is empty and stays the caller's. */
  static async start(python: string, folder: string): Promise<ExecutableSpecification> {
    const socket = join(folder, 'daemon.sock');
    const child = spawn(
      join(dirname(python), 'ethereum-spec-evm'),
      ['daemon', '--uds', socket, '--timeout', String(idleSecondsMax)],
      { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const specification = new ExecutableSpecification(child, socket);
    const untilMs = performance.now() + startMsMax;
    while (!(await specification.#answers())) {
      assert.ok(child.exitCode === null && performance.now() < untilMs, specification.#said);
      await new Promise((done) => setTimeout(done, pollMs));
    }
    return specification;
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.#child.once('exit', done));
    this.#child.kill('SIGTERM');
    await ended;
  }

  /** Executes one signed transaction; neither the state nor the output of calls is given back. */
  async execute(
    state: MemoryState,
    raw: Uint8Array,
    block: BlockEnvironment,
  ): Promise<Omit<Outcome, 'output'>> {
    const legacy = (raw[0] ?? 0) >= 0xc0;
    const transactions = RLP.encode([legacy ? RLP.decode(raw) : raw] as never);
    const answer = await this.#post({
      input: {
        alloc: allocationOf(state),
        env: environmentOf(state, block),
        txs: `0x${toHex(transactions)}`,
      },
      state: { fork: 'Osaka', chainid: Number(config.chainId), reward: -1 },
    });
    const { result, alloc } = JSON.parse(answer) as TransitionResult;
    assert.deepEqual(result.rejected, []);
    const [receipt] = result.receipts;
    assert.ok(receipt, this.#said);
    return {
      isSuccess: receipt.succeeded,
      gasUsed: BigInt(result.gasUsed),
      logs: receipt.logs.map(({ address, topics, data }) =>
        [address, ...topics, data].map((text) => text.replace('0x', '')).join(':'),
      ),
      accounts: describeAllocation(alloc),
    };
  }

  async #answers(): Promise<boolean> {
    // A request without a body is refused, which is an answer.
    return await this.#post({}).then(
      () => true,
      (error: Error) => error.message.startsWith('status'),
    );
  }

  /** @throws Error that begins with "status" when it refuses. */
  async #post(content: unknown): Promise<string> {
    const body = JSON.stringify(content);
    const options = {
      socketPath: this.#socket,
      path: '/?arg=--state-test',
      method: 'POST',
      headers: { 'content-length': Buffer.byteLength(body) },
    };
    return await new Promise((resolve, reject) => {
      const asking = request(options, (incoming) => {
        const parts: Buffer[] = [];
        incoming.on('error', reject);
        incoming.on('data', (part: Buffer) => parts.push(part));
        incoming.on('end', () => {
          const text = Buffer.concat(parts).toString();
          if (incoming.statusCode === 200) resolve(text);
          else reject(new Error(`status ${incoming.statusCode}: ${text}`));
        });
      });
      asking.on('error', reject);
      asking.end(body);
    });
  }
}

function allocationOf(state: MemoryState): Record<string, SpecificationAccount> {
  const allocation: Record<string, SpecificationAccount> = {};
  for (const [address, { nonce, balance, codeHash, storage }] of state.accounts) {
    const code = codeHash === emptyCodeHashHex ? undefined : state.codes.get(codeHash);
    allocation[`0x${address}`] = {
      nonce: `0x${nonce.toString(16)}`,
      balance: `0x${balance.toString(16)}`,
      code: `0x${code === undefined ? '' : toHex(code)}`,
      storage: Object.fromEntries(
        [...storage].map(([slot, value]) => [`0x${slot}`, `0x${toHex(value)}`]),
      ),
    };
  }
  return allocation;
}

function environmentOf(state: MemoryState, block: BlockEnvironment): Record<string, unknown> {
  const blockHashes: Record<string, string> = {};
  for (let number = 0n; number < block.number; number++) {
    const hash = state.getBlockHash(number);
    if (hash !== undefined) blockHashes[`0x${number.toString(16)}`] = `0x${toHex(hash)}`;
  }
  return {
    currentCoinbase: `0x${toHex(block.beneficiary)}`,
    currentGasLimit: `0x${block.gasLimit.toString(16)}`,
    currentNumber: `0x${block.number.toString(16)}`,
    currentTimestamp: `0x${block.timestamp.toString(16)}`,
    currentBaseFee: `0x${block.baseFee.toString(16)}`,
    currentRandom: `0x${toHex(block.prevrandao)}`,
    currentExcessBlobGas: '0x0',
    withdrawals: [],
    blockHashes,
  };
}

function describeAllocation(
  allocation: Readonly<Record<string, SpecificationAccount>>,
): Record<string, string> {
  const accounts: Record<string, string> = {};
  for (const [address, account] of Object.entries(allocation)) {
    const slots = Object.entries(account.storage ?? {}).map(([slot, value]) => {
      const word = BigInt(value).toString(16).padStart(64, '0');
      return `${slot.replace('0x', '')}=${word}`;
    });
    accounts[address.replace('0x', '')] = describeAccount({
      nonce: BigInt(account.nonce ?? 0),
      balance: BigInt(account.balance ?? 0),
      code: fromHex(account.code?.replace('0x', '') ?? ''),
      slots,
    });
  }
  return accounts;
}
