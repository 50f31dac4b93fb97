/** The Ethereum ledger of a run: the production adapter and its engine, and who has coins in it. */
import type { Adapter } from '@coco/adapter';
import { fromHex } from '@coco/base';
import { compileEngine, createEthereumAdapter, Engine, SameThreadAdmission } from '@coco/ethereum';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';

export const chainId = 1337;
/** Short: a run waits for the empty blocks that Ethereum owes. */
const emptyBlockDelayMs = 60;
export const prefund: bigint = 10n ** 24n;

export const accounts: readonly PrivateKeyAccount[] = [1, 2, 3].map((index) =>
  privateKeyToAccount(`0x${String(index).padStart(64, 'a')}`),
);

/** Compiled once: a twentieth of a second. */
let engineModule: WebAssembly.Module | undefined;

/** The production adapter, with admission on the executing thread. */
export function createEthereum(): Adapter {
  engineModule ??= compileEngine();
  return createEthereumAdapter({
    chainId: BigInt(chainId),
    prefunded: accounts.map(({ address }) => ({ address: fromHex(address), balance: prefund })),
    admissionPool: new SameThreadAdmission(new Engine(engineModule)),
    emptyBlockDelayMs,
    engineModule,
  });
}
