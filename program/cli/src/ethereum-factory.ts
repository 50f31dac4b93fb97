/** Makes the Ethereum adapter from its part of the node configuration ("coco.adapters.ethereum"). */
import type { Adapter } from '@coco/adapter';
import { fromHex, isJsonObject, type JsonValue } from '@coco/base';
import {
  compileEngine,
  createEthereumAdapter,
  type PrefundedAccount,
  WorkerAdmission,
  WorkerCalls,
} from '@coco/ethereum';
import { cliError } from './errors.ts';

const chainIdMax = 2n ** 63n;
const known: ReadonlySet<string> = new Set(['chain_id', 'visibility', 'prefunded', 'base_fee']);

/** @throws WrongUsage naming the value that is wrong */
export async function createConfiguredEthereum(value: JsonValue): Promise<Adapter> {
  if (!isJsonObject(value)) throw wrong('coco.adapters.ethereum must be an object');
  const unknown = Object.keys(value).find((key) => !known.has(key));
  if (unknown !== undefined) throw wrong(`Coco does not know coco.adapters.ethereum.${unknown}`);
  const { chain_id: chainId, visibility = 'public', prefunded = {}, base_fee: baseFee } = value;
  if (visibility !== 'public' && visibility !== 'consortium') {
    throw wrong('coco.adapters.ethereum.visibility must be "public" or "consortium"');
  }
  const engineModule = compileEngine();
  return createEthereumAdapter({
    chainId: parseAmount(chainId, 'chain_id', chainIdMax),
    visibility,
    prefunded: parsePrefunded(prefunded),
    ...(baseFee !== undefined && { baseFee: parseAmount(baseFee, 'base_fee', chainIdMax) }),
    engineModule,
    admissionPool: new WorkerAdmission({ engineModule, threadCount: 1 }),
    calls: new WorkerCalls({ engineModule, threadCount: 1 }),
  });
}

function parsePrefunded(value: JsonValue): readonly PrefundedAccount[] {
  if (!isJsonObject(value)) throw wrong('coco.adapters.ethereum.prefunded must be an object');
  return Object.entries(value).map(([address, balance]) => {
    if (!/^0x[0-9a-fA-F]{40}$/.test(address)) {
      throw wrong(`coco.adapters.ethereum.prefunded: "${address}" is not an address`);
    }
    return { address: fromHex(address), balance: parseAmount(balance, 'prefunded', 2n ** 200n) };
  });
}

/** A JSON number, or a decimal text where numbers are too small. */
function parseAmount(value: JsonValue | undefined, name: string, max: bigint): bigint {
  const text = typeof value === 'number' ? String(value) : value;
  const isDecimal = typeof text === 'string' && /^\d{1,78}$/.test(text);
  if (!isDecimal || BigInt(text) > max) {
    throw wrong(`coco.adapters.ethereum.${name} must be a whole number of at most ${max}`);
  }
  return BigInt(text);
}

function wrong(sentence: string): Error {
  return cliError('WrongUsage', `${sentence}.`);
}
