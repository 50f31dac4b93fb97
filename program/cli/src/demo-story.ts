/**
 * The trade of the demo, told through viem as any Ethereum program would do it: a carrier ships
 * coffee, an exporter sells it, a bank's money pays for it, and title and money change hands in one
 * transaction.
 */
import { present } from '@coco/base';
import {
  type Address,
  type Chain,
  createPublicClient,
  createWalletClient,
  decodeEventLog,
  defineChain,
  getContract,
  type Hash,
  http,
  type PrivateKeyAccount,
  type TransactionReceipt,
} from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import type { CompiledContract } from './compile-contracts.ts';
import { cliError } from './errors.ts';
import type { SandboxAccount } from './sandbox-folder.ts';

export const demoContracts = ['TradeMoney', 'BillOfLading', 'DeliveryVersusPayment'] as const;

/** Cents: 48,500.00 TEUR. */
const priceCents = 4_850_000n;
const buyerFundsCents = 10_000_000n;
const billNumber = 20_260_001n;
export const cargo = '320 bags of green coffee, Santos to Hamburg';
const gasMoney = 10n ** 16n;

export interface StoryStep {
  readonly title: string;
  readonly hash: Hash;
  readonly receipt: TransactionReceipt;
}

export interface Story {
  readonly steps: readonly StoryStep[];
  readonly parties: Readonly<Record<'carrier' | 'exporter' | 'buyer', Address>>;
  readonly settlement: StoryStep;
  /** The Settled event, read back from the chain. */
  readonly settled: { readonly id: bigint; readonly price: bigint };
  readonly titleOwner: Address;
  readonly exporterCents: bigint;
  /** What the operator must not find on disk. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
}

/** Plays the trade. `onStep` is called as each transaction is final. */
export async function playStory(options: {
  readonly rpcUrl: string;
  readonly accounts: readonly SandboxAccount[];
  readonly contracts: ReadonlyMap<string, CompiledContract>;
  readonly onStep: (step: StoryStep) => void;
}): Promise<Story> {
  const stage = await Stage.open(options);
  const [carrier, buyer] = options.accounts.map((one) => privateKeyToAccount(one.privateKey));
  const exporter = privateKeyToAccount(generatePrivateKey());
  return trade(stage, {
    carrier: present(carrier, 'the sandbox has a first account'),
    buyer: present(buyer, 'the sandbox has a second account'),
    exporter,
  });
}

interface Parties {
  readonly carrier: PrivateKeyAccount;
  readonly buyer: PrivateKeyAccount;
  readonly exporter: PrivateKeyAccount;
}

async function trade(stage: Stage, parties: Parties): Promise<Story> {
  const { carrier, buyer, exporter } = parties;
  await stage.pay(carrier, exporter.address, 'The exporter gets an account');
  const money = await stage.deploy(buyer, 'TradeMoney', [buyer.address, buyerFundsCents]);
  const title = await stage.deploy(carrier, 'BillOfLading', []);
  const escrow = await stage.deploy(exporter, 'DeliveryVersusPayment', [money, title]);
  const call = (who: PrivateKeyAccount, what: Omit<ContractCall, 'account'>) =>
    stage.call({ account: who, ...what });
  await call(carrier, {
    title: 'The carrier issues the bill of lading to the exporter',
    contract: ['BillOfLading', title],
    name: 'issue',
    values: [exporter.address, billNumber, cargo],
  });
  await call(exporter, {
    title: 'The exporter lets the escrow take the bill',
    contract: ['BillOfLading', title],
    name: 'approve',
    values: [escrow, billNumber],
  });
  await call(exporter, {
    title: 'The exporter offers it to the buyer for 48,500.00 TEUR',
    contract: ['DeliveryVersusPayment', escrow],
    name: 'offer',
    values: [billNumber, buyer.address, priceCents],
  });
  await call(buyer, {
    title: 'The buyer lets the escrow take the price',
    contract: ['TradeMoney', money],
    name: 'approve',
    values: [escrow, priceCents],
  });
  const settlement = await call(buyer, {
    title: 'Delivery versus payment: money and title change hands',
    contract: ['DeliveryVersusPayment', escrow],
    name: 'settle',
    values: [billNumber],
  });
  return {
    steps: stage.steps,
    parties: { carrier: carrier.address, exporter: exporter.address, buyer: buyer.address },
    settlement,
    settled: stage.settledEvent(settlement.receipt),
    titleOwner: (await stage.read(['BillOfLading', title], 'ownerOf', [billNumber])) as Address,
    exporterCents: (await stage.read(['TradeMoney', money], 'balanceOf', [
      exporter.address,
    ])) as bigint,
    secrets: new Map([
      ['the text of the cargo', new TextEncoder().encode(cargo)],
      ['the address of the buyer', Buffer.from(buyer.address.slice(2), 'hex')],
      ['the address of the escrow', Buffer.from(escrow.slice(2), 'hex')],
      ['the hash of the settlement', Buffer.from(settlement.hash.slice(2), 'hex')],
    ]),
  };
}

interface ContractCall {
  readonly account: PrivateKeyAccount;
  readonly title: string;
  readonly contract: readonly [name: string, address: Address];
  readonly name: string;
  readonly values: readonly unknown[];
}

/** The chain as the story uses it. */
class Stage {
  readonly steps: StoryStep[] = [];
  readonly #chain: Chain;
  readonly #rpcUrl: string;
  readonly #contracts: ReadonlyMap<string, CompiledContract>;
  readonly #onStep: (step: StoryStep) => void;

  private constructor(
    chain: Chain,
    options: {
      rpcUrl: string;
      contracts: ReadonlyMap<string, CompiledContract>;
      onStep: (step: StoryStep) => void;
    },
  ) {
    this.#chain = chain;
    this.#rpcUrl = options.rpcUrl;
    this.#contracts = options.contracts;
    this.#onStep = options.onStep;
  }

  static async open(options: {
    rpcUrl: string;
    contracts: ReadonlyMap<string, CompiledContract>;
    onStep: (step: StoryStep) => void;
  }): Promise<Stage> {
    const { rpcUrl } = options;
    const id = await createPublicClient({ transport: http(rpcUrl) })
      .getChainId()
      .catch((cause: unknown) => {
        const message = `No Ethereum RPC answers at ${rpcUrl}; start the sandbox with "npm start".`;
        throw cliError('SandboxUnreachable', message, {}, cause);
      });
    const chain = defineChain({
      id,
      name: 'Coco sandbox',
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [rpcUrl] } },
    });
    return new Stage(chain, options);
  }

  async pay(account: PrivateKeyAccount, to: Address, title: string): Promise<void> {
    const hash = await this.#wallet(account).sendTransaction({ to, value: gasMoney });
    await this.#final(title, hash);
  }

  async deploy(
    account: PrivateKeyAccount,
    name: string,
    values: readonly unknown[],
  ): Promise<Address> {
    const { abi, bytecode } = this.#contract(name);
    const wallet = this.#wallet(account);
    const hash = await wallet.deployContract({ abi, bytecode, args: [...values] });
    const { receipt } = await this.#final(`${name} is deployed`, hash);
    return present(receipt.contractAddress, 'a deployment names its contract');
  }

  async call(call: ContractCall): Promise<StoryStep> {
    const [name, address] = call.contract;
    const hash = await this.#wallet(call.account).writeContract({
      address,
      abi: this.#contract(name).abi,
      functionName: call.name,
      args: [...call.values],
    });
    return this.#final(call.title, hash);
  }

  async read(
    contract: readonly [name: string, address: Address],
    name: string,
    values: readonly unknown[],
  ): Promise<unknown> {
    const [contractName, address] = contract;
    const { abi } = this.#contract(contractName);
    const { read } = getContract({ abi, address, client: this.#client() });
    return present(read[name], `${contractName} has ${name}`)([...values]);
  }

  settledEvent(receipt: TransactionReceipt): { id: bigint; price: bigint } {
    const { abi } = this.#contract('DeliveryVersusPayment');
    const log = receipt.logs.at(-1);
    const event = decodeEventLog({ abi, ...present(log, 'a settlement has logs'), strict: true });
    return event.args as unknown as { id: bigint; price: bigint };
  }

  #contract(name: string): CompiledContract {
    return present(this.#contracts.get(name), `${name} is compiled`);
  }

  #client() {
    return createPublicClient({
      chain: this.#chain,
      transport: http(this.#rpcUrl),
      pollingInterval: 50,
    });
  }

  #wallet(account: PrivateKeyAccount) {
    return createWalletClient({ account, chain: this.#chain, transport: http(this.#rpcUrl) });
  }

  async #final(title: string, hash: Hash): Promise<StoryStep> {
    const receipt = await this.#client().waitForTransactionReceipt({ hash });
    if (receipt.status !== 'success') {
      throw cliError('SandboxBroken', `"${title}" was reverted by its contract.`, { hash });
    }
    const done = { title, hash, receipt };
    this.steps.push(done);
    this.#onStep(done);
    return done;
  }
}
