/**
 * Ethereum's clients: each sends its transfers in order of nonce, to whichever node, and sends one
 * again until its receipt is there. Every transfer happens exactly once and no coin is made.
 */
import type { Adapter } from '@coco/adapter';
import { isJsonObject, type JsonValue, parseJson, present, utf8Encode } from '@coco/base';
import type { CommandEndpoint } from '@coco/endpoint';
import { type Hex, keccak256 } from 'viem';
import type { PrivateKeyAccount } from 'viem/accounts';
import { nobody } from './agenda.ts';
import type { Chance } from './chance.ts';
import type { Cluster, Member, Recovered } from './cluster.ts';
import { check } from './errors.ts';
import { accounts, chainId, prefund } from './ethereum-ledger.ts';
import { purposes } from './world.ts';

/** How long a client waits for an answer. */
const answerMsMax = 1_000;
const pauseMs = { low: 30, high: 300 };
const gasLimit = 21_000n;
/** What a node answers that is no primary, is full, or has the transaction already. */
const passing =
  /NodeCannotHandleRequest|TooManyPending|StorageFull|short of room|already known|nonce too low|does not execute|Too many/i;

interface Sender {
  readonly account: PrivateKeyAccount;
  nonce: number;
  /** Whether the ledger may have gone back. */
  isUnsure: boolean;
  /** Signed and not known to be in a block. */
  open: { readonly raw: Hex; readonly hash: Hex } | undefined;
}

export class Transfers {
  readonly #cluster: Cluster;
  readonly #chance: Chance;
  readonly #senders: readonly Sender[] = accounts.map((account) => ({
    account,
    nonce: 0,
    isUnsure: false,
    open: undefined,
  }));
  #isStopped = false;
  failure: unknown;
  readonly counts = { transfers: 0, submissions: 0, repeated: 0 };

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#chance = cluster.world.chance(purposes.transfers);
    cluster.observe(this);
    for (const sender of this.#senders) this.#next(sender);
  }

  /** Nobody begins another transfer; open ones are seen through. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Whether every transfer that was begun has its receipt. */
  get isDone(): boolean {
    return this.#isStopped && this.#senders.every(({ open }) => !open);
  }

  /** Where a loss was declared, each looks where its account stands, and goes on from there. */
  recovering({ isLoss }: Recovered): void {
    if (isLoss) for (const sender of this.#senders) sender.isUnsure = true;
  }

  /** All nodes tell the same, and the sum of all balances is what it was. */
  async checkBalances(members: readonly Member[]): Promise<void> {
    for (const { node, ethereum } of members) {
      let sum = 0n;
      for (const { account, nonce } of this.#senders) {
        const at = [account.address, 'latest'];
        sum += BigInt(String(await call(ethereum, 'eth_getBalance', at)));
        const count = Number(await call(ethereum, 'eth_getTransactionCount', at));
        check(count === nonce, `${node.name} has ${count} of the ${nonce} of ${account.address}`);
      }
      const total = prefund * BigInt(this.#senders.length);
      check(sum === total, `the balances of ${node.name} add up to ${sum}`);
    }
  }

  #next(sender: Sender): void {
    const { agenda } = this.#cluster.world;
    agenda.after(this.#chance.between(pauseMs.low, pauseMs.high), nobody, () => {
      if (this.#isStopped && !sender.open) return;
      this.#act(sender).then(
        () => this.#next(sender),
        (error: unknown) => {
          this.failure ??= error;
        },
      );
    });
  }

  async #act(sender: Sender): Promise<void> {
    const primary = this.#cluster.primary();
    const anyone = this.#chance.pick(this.#cluster.live);
    if (!anyone) return;
    const asked = this.#chance.percent(30) ? anyone : (primary ?? anyone);
    if (sender.isUnsure && !(await this.#lookAgain(sender, asked))) return;
    sender.open ??= await this.#sign(sender);
    const { raw, hash } = sender.open;
    const receipt = await this.#within(call(asked.ethereum, 'eth_getTransactionReceipt', [hash]));
    if (receipt === undefined) return;
    if (isJsonObject(receipt)) {
      check(receipt.status === '0x1', `the transfer ${hash} succeeds`);
      sender.nonce++;
      sender.open = undefined;
      this.counts.transfers++;
      return;
    }
    this.counts.submissions++;
    const answer = await this.#within(ask(asked.ethereum, 'eth_sendRawTransaction', [raw]));
    const error = isJsonObject(answer) ? answer.error : undefined;
    if (answer === undefined || error === undefined) return;
    this.counts.repeated++;
    check(passing.test(JSON.stringify(error)), `a transfer is refused: ${JSON.stringify(error)}`);
  }

  /** Whether it knows its nonce now. */
  async #lookAgain(sender: Sender, { ethereum }: Member): Promise<boolean> {
    const at = [sender.account.address, 'latest'];
    const count = await this.#within(call(ethereum, 'eth_getTransactionCount', at));
    if (count === undefined) return false;
    const nonce = Number(count);
    // Had its last one been kept, it would find the receipt.
    if (nonce !== sender.nonce) sender.open = undefined;
    sender.nonce = nonce;
    sender.isUnsure = false;
    return true;
  }

  /** A client gives up on a node that does not answer, or is gone, and asks again. */
  #within(asked: Promise<JsonValue>): Promise<JsonValue | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<JsonValue | undefined>();
    asked.then(resolve, reject);
    this.#cluster.world.agenda.after(answerMsMax, nobody, () => resolve(undefined));
    return promise;
  }

  async #sign({ account, nonce }: Sender): Promise<{ raw: Hex; hash: Hex }> {
    const to = present(this.#chance.pick(accounts), 'there are accounts').address;
    const value = BigInt(1 + this.#chance.below(1000));
    const fees = { maxFeePerGas: 0n, maxPriorityFeePerGas: 0n, gas: gasLimit };
    const raw = await account.signTransaction({
      type: 'eip1559',
      chainId,
      nonce,
      to,
      value,
      ...fees,
    });
    return { raw, hash: keccak256(raw) };
  }
}

async function call(adapter: Adapter, method: string, params: JsonValue[]): Promise<JsonValue> {
  const answer = await ask(adapter, method, params);
  const hasResult = isJsonObject(answer) && answer.result !== undefined;
  check(hasResult, `${method} answers: ${JSON.stringify(answer)}`);
  return hasResult ? (answer.result ?? null) : null;
}

/** A call of JSON-RPC by the adapter's own endpoint. */
async function ask(adapter: Adapter, method: string, params: JsonValue[]): Promise<JsonValue> {
  const endpoint = adapter.endpoints.find((one) => one.method === 'POST' && one.path === '/');
  const command = present(endpoint, 'the adapter has an endpoint') as CommandEndpoint;
  const body = utf8Encode(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
  const headers = new Map([['content-type', 'application/json']]);
  const target = { method: 'POST', path: '/', query: new Map(), headers, body };
  const response = await command.handle({
    request: { ...target, clientCertificate: undefined },
    caller: { policy: 'no_auth' },
    parameters: new Map(),
  });
  return parseJson(response.body);
}
