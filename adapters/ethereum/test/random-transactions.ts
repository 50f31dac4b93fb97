/**
 * A seeded stream of signed transactions of all types that Coco takes: creations of random
 * programs, calls of what was created, transfers, delegations (EIP-7702) and their use. The same
 * seed gives the same bytes, whichever machine they are for.
 */
import { concatBytes, fromHex, present, SeededRandom, toHex } from '@coco/base';
import fc from 'fast-check';
import { type Address, getContractAddress, type Hex, type SignedAuthorization } from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { programs } from './random-program.ts';

export interface RandomTransactionOptions {
  readonly seed: number;
  readonly chainId: number;
  /** Who pays; each transaction is of one of them. */
  readonly senders: readonly PrivateKeyAccount[];
  /** Their first nonces, in the same order. */
  readonly firstNonces: readonly number[];
  readonly baseFee: bigint;
}

/** An account that the load uses only to sign authorizations. */
const signerKeys: readonly Hex[] = [`0x${'e7'.repeat(32)}`, `0x${'e8'.repeat(32)}`];
const identity: Uint8Array = fromHex('04'.padStart(40, '0'));
const programPool = 64;

export class RandomTransactions {
  readonly #options: RandomTransactionOptions;
  readonly #random: SeededRandom;
  readonly #nonces: number[];
  readonly #signers: readonly PrivateKeyAccount[] = signerKeys.map((key) =>
    privateKeyToAccount(key),
  );
  readonly #delegations: Map<Address, number> = new Map();
  readonly #programs: readonly Uint8Array[];
  readonly contracts: Address[] = [];

  constructor(options: RandomTransactionOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#nonces = [...options.firstNonces];
    // Where the first contracts will stand is known: programs may call each other from the start.
    const later = options.senders.flatMap((sender, at) =>
      [0n, 1n, 2n, 3n].map((step) =>
        getContractAddress({ from: sender.address, nonce: BigInt(this.#nonces[at] ?? 0) + step }),
      ),
    );
    const accounts = [...options.senders, ...this.#signers].map(({ address }) => address);
    const targets = [...later, ...accounts].map((address) => fromHex(address));
    const seed = options.seed;
    this.#programs = fc.sample(programs([...targets, identity]), { seed, numRuns: programPool });
  }

  /** Everybody whom the transactions may have touched, creations inside of contracts excepted. */
  get accounts(): readonly Address[] {
    const people = [...this.#options.senders, ...this.#signers].map(({ address }) => address);
    return [...people, ...this.contracts];
  }

  async next(): Promise<Hex> {
    const at = this.#random.below(this.#options.senders.length);
    const sender = present(this.#options.senders[at], 'a sender');
    const nonce = this.#nonces[at] ?? 0;
    this.#nonces[at] = nonce + 1;
    const { chainId } = this.#options;
    const common = { chainId, nonce, gas: BigInt(150_000 + this.#random.below(350_000)) };
    const isCreation = this.contracts.length < 3 || this.#random.below(6) === 0;
    if (isCreation) {
      this.contracts.push(getContractAddress({ from: sender.address, nonce: BigInt(nonce) }));
      return await this.#sign(sender, { ...common, data: this.#creation() });
    }
    const to = this.#pick([...this.contracts, ...this.contracts, ...this.accounts]);
    const value = BigInt(this.#random.below(4));
    const data: Hex = `0x${toHex(this.#random.bytes(this.#random.below(68)))}`;
    return await this.#sign(sender, { ...common, to, value, data });
  }

  /** Code that runs once, or a constructor that leaves a program behind. */
  #creation(): Hex {
    const program = this.#pick(this.#programs);
    if (this.#random.below(4) === 0) return `0x${toHex(program)}`;
    const size = program.length;
    // PUSH2 size, DUP1, PUSH1 11, PUSH0, CODECOPY, PUSH0, RETURN.
    const head = [0x61, size >> 8, size & 0xff, 0x80, 0x60, 10, 0x5f, 0x39, 0x5f, 0xf3];
    return `0x${toHex(concatBytes(Uint8Array.from(head), program))}`;
  }

  async #sign(sender: PrivateKeyAccount, fields: Fields): Promise<Hex> {
    const { baseFee } = this.#options;
    const tip = BigInt(this.#random.below(5));
    const gasPrice = baseFee + tip;
    const fees = { maxFeePerGas: baseFee + 2n, maxPriorityFeePerGas: tip > 2n ? 2n : tip };
    switch (this.#random.below(fields.to === undefined ? 3 : 5)) {
      case 0:
        return await sender.signTransaction({ ...fields, type: 'legacy', gasPrice });
      case 1: {
        const accessList = this.#accessList();
        return await sender.signTransaction({ ...fields, type: 'eip2930', gasPrice, accessList });
      }
      case 2: {
        const accessList = this.#accessList();
        return await sender.signTransaction({ ...fields, type: 'eip1559', ...fees, accessList });
      }
      case 3:
        return await sender.signTransaction({ ...fields, type: 'eip1559', ...fees });
      default: {
        const authorizationList = await this.#authorizations();
        const to = present(fields.to, 'type 4 creates nothing');
        const all = { ...fields, to, ...fees, authorizationList };
        return await sender.signTransaction({ ...all, type: 'eip7702' });
      }
    }
  }

  #accessList(): { readonly address: Address; readonly storageKeys: Hex[] }[] {
    return Array.from({ length: this.#random.below(3) }, () => ({
      address: this.#pick(this.accounts),
      storageKeys: Array.from({ length: this.#random.below(3) }, (_, slot): Hex => {
        return `0x${slot.toString(16).padStart(64, '0')}`;
      }),
    }));
  }

  /** Most are right; some have another chain or a nonce that is over. */
  async #authorizations(): Promise<SignedAuthorization[]> {
    const authorizations: SignedAuthorization[] = [];
    for (let count = 1 + this.#random.below(2); count > 0; count--) {
      const signer = this.#pick(this.#signers);
      const nonce = this.#delegations.get(signer.address) ?? 0;
      const isRight = this.#random.below(4) > 0;
      const contractAddress = this.#pick(this.contracts);
      const chainId = isRight ? this.#pick([0, this.#options.chainId]) : 1;
      authorizations.push(await signer.signAuthorization({ contractAddress, chainId, nonce }));
      if (isRight) this.#delegations.set(signer.address, nonce + 1);
    }
    return authorizations;
  }

  #pick<Item>(items: readonly Item[]): Item {
    return present(items[this.#random.below(items.length)], 'there is something to pick from');
  }
}

interface Fields {
  readonly chainId: number;
  readonly nonce: number;
  readonly gas: bigint;
  readonly to?: Address;
  readonly value?: bigint;
  readonly data: Hex;
}
