/**
 * The token that the load moves, and its transfers, signed before the clock runs. Each sender is
 * funded with what it sends, so that afterwards every sender must have nothing left.
 */
import { assert, isJsonObject, type JsonValue, present } from '@coco/base';
import secp256k1 from 'secp256k1';
import {
  bytesToHex,
  encodeDeployData,
  encodeFunctionData,
  getAddress,
  type Hex,
  hexToBytes,
  keccak256,
  serializeTransaction,
} from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { type CompiledContract, compileContracts } from '../../src/compile-contracts.ts';
import type { Rpc } from './rpc.ts';

const transferGas = 100_000n;
const deployGas = 3_000_000n;
const supply = 10n ** 15n;
/** Recipients that the transfers are spread over. */
const recipientCount = 997;
const receiptTriesMax = 2_000;

export interface Transfer {
  readonly raw: Hex;
  readonly hash: Hex;
  readonly from: Hex;
  readonly to: Hex;
}

interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** Takes seconds. */
export async function compileToken(): Promise<CompiledContract> {
  return present((await compileContracts(['TradeMoney'])).get('TradeMoney'), 'it is compiled');
}

/** A deployed token and the account that holds all of it. */
export class Token {
  readonly address: Hex;
  readonly abi: CompiledContract['abi'];
  readonly #owner: Signer;

  private constructor(address: Hex, abi: CompiledContract['abi'], owner: Signer) {
    this.address = address;
    this.abi = abi;
    this.#owner = owner;
  }

  static async deploy(
    rpc: Rpc,
    { abi, bytecode }: CompiledContract,
    key: Hex | undefined,
  ): Promise<Token> {
    const ownerKey = key ?? generatePrivateKey();
    const address = privateKeyToAddress(ownerKey);
    if (key === undefined) await fundFromNode(rpc, address);
    const owner = await Signer.of(rpc, ownerKey);
    const data = encodeDeployData({ abi, bytecode, args: [address, supply] });
    const raw = owner.sign({ data, gas: deployGas });
    const receipt = await committed(rpc, raw);
    return new Token(receipt.contractAddress as Hex, abi, owner);
  }

  /** New accounts that hold `each` tokens, and gas for as many transfers. */
  async fundSenders(rpc: Rpc, count: number, each: number): Promise<readonly Signer[]> {
    const keys = Array.from({ length: count }, () => generatePrivateKey());
    const gasCost = transferGas * this.#owner.fees.maxFeePerGas * BigInt(each);
    for (const address of keys.map(privateKeyToAddress)) {
      if (gasCost > 0n) {
        await committed(rpc, this.#owner.sign({ to: address, value: gasCost, gas: 21_000n }));
      }
      await committed(rpc, this.#transferFrom(this.#owner, address, BigInt(each)));
    }
    const senders: Signer[] = [];
    for (const key of keys) senders.push(await Signer.of(rpc, key));
    return senders;
  }

  /** `count` transfers of one unit by each sender: a list per sender, in order of nonces. */
  transfers(senders: readonly Signer[], count: number): Transfer[][] {
    const lists: Transfer[][] = [];
    let at = 0;
    for (const sender of senders) {
      const list: Transfer[] = [];
      for (let left = count; left > 0; left--) {
        const to = recipient(at++);
        const raw = this.#transferFrom(sender, to, 1n);
        list.push({ raw, hash: keccak256(raw), from: sender.address, to });
      }
      lists.push(list);
    }
    return lists;
  }

  #transferFrom(sender: Signer, to: Hex, amount: bigint): Hex {
    const data = encodeFunctionData({
      abi: this.abi,
      functionName: 'transfer',
      args: [to, amount],
    });
    return sender.sign({ to: this.address, data, gas: transferGas });
  }
}

/** An account that counts its nonces. It signs by libsecp256k1: ten times as fast as viem does. */
export class Signer {
  readonly fees: Fees;
  readonly address: Hex;
  readonly #key: Uint8Array;
  readonly #chainId: number;
  /** Of the next transaction. */
  nonce: number;

  private constructor(key: Hex, chain: { id: number; fees: Fees; nonce: number }) {
    this.address = privateKeyToAddress(key);
    this.#key = hexToBytes(key);
    this.#chainId = chain.id;
    this.fees = chain.fees;
    this.nonce = chain.nonce;
  }

  static async of(rpc: Rpc, key: Hex): Promise<Signer> {
    const [id, price, nonce] = await rpc.all([
      { method: 'eth_chainId', params: [] },
      { method: 'eth_gasPrice', params: [] },
      { method: 'eth_getTransactionCount', params: [privateKeyToAddress(key), 'latest'] },
    ]);
    // A chain with a fee market may raise it by an eighth with every full block of the load.
    const maxFeePerGas = BigInt(String(price)) * 10_000n;
    const maxPriorityFeePerGas = maxFeePerGas === 0n ? 0n : 1_000_000_000n;
    const fees = { maxFeePerGas, maxPriorityFeePerGas };
    return new Signer(key, { id: Number(id), fees, nonce: Number(nonce) });
  }

  sign(fields: {
    readonly to?: Hex;
    readonly data?: Hex;
    readonly value?: bigint;
    readonly gas: bigint;
  }): Hex {
    const base = { type: 'eip1559', chainId: this.#chainId, nonce: this.nonce++ } as const;
    const transaction = { ...base, ...this.fees, ...fields };
    const digest = keccak256(serializeTransaction(transaction), 'bytes');
    const { signature, recid } = secp256k1.ecdsaSign(digest, this.#key);
    return serializeTransaction(transaction, {
      r: bytesToHex(signature.subarray(0, 32)),
      s: bytesToHex(signature.subarray(32)),
      yParity: recid,
    });
  }
}

/** A development node signs for an account of its own. */
async function fundFromNode(rpc: Rpc, to: Hex): Promise<void> {
  const accounts = await rpc.call('eth_accounts');
  const from = Array.isArray(accounts) ? (accounts[0] as JsonValue | undefined) : undefined;
  assert(typeof from === 'string', 'without a key the node has a funded account of its own');
  const value = `0x${(10n ** 28n).toString(16)}`;
  await succeeded(rpc, await rpc.call('eth_sendTransaction', { from, to, value }));
}

/** Sends a transaction and waits for its receipt. */
async function committed(rpc: Rpc, raw: Hex): Promise<Record<string, JsonValue>> {
  return succeeded(rpc, await rpc.call('eth_sendRawTransaction', raw));
}

/** Waits for the receipt of a transaction that has to succeed. */
export async function succeeded(rpc: Rpc, hash: JsonValue): Promise<Record<string, JsonValue>> {
  for (let tries = 0; tries < receiptTriesMax; tries++) {
    const receipt = await rpc.call('eth_getTransactionReceipt', hash);
    if (isJsonObject(receipt)) {
      assert(receipt.status === '0x1', 'a transaction that prepares the load succeeds');
      return receipt;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new TypeError('A transaction that prepares the load has no receipt.');
}

function recipient(at: number): Hex {
  const digits = (0x100000 + (at % recipientCount)).toString(16).padStart(40, '0');
  return getAddress(`0x${digits}`);
}
