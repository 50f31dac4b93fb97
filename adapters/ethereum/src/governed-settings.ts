/**
 * What the consortium may change of a running chain by a proposal (set_adapter_settings): the rules
 * that the next block begins with, and who may read. What identifies a chain is for ever.
 */
import type { GovernedSettings } from '@coco/adapter';
import { fromHex, isJsonObject, type JsonValue } from '@coco/base';
import { ethereumError } from './errors.ts';
import { EthereumState, writeChain } from './ethereum-state.ts';
import type { ChainRecord, Visibility } from './state-codec.ts';

/** A transfer takes 21,000: a block without room for a contract call is a mistake. */
const blockGasLimitMin = 1_000_000n;
/** What the engine's counters and a client's JSON numbers hold. */
const gasMax = 2n ** 53n - 1n;
const baseFeeMax = 2n ** 63n;
const specs = ['prague', 'osaka'] as const;
const visibilities = ['public', 'consortium'] as const;

type Changes = Partial<ChainRecord>;
type Field = (value: JsonValue, name: string) => Changes;

const fields: Readonly<Record<string, Field>> = {
  block_gas_limit: (value, name) => ({
    blockGasLimit: amount(value, { name, min: blockGasLimitMin, max: gasMax }),
  }),
  base_fee: (value, name) => ({ baseFee: amount(value, { name, min: 0n, max: baseFeeMax }) }),
  transaction_gas_max: (value, name) => ({
    transactionGasMax:
      value === null ? undefined : amount(value, { name, min: blockGasLimitMin, max: gasMax }),
  }),
  beneficiary: (value, name) => ({ beneficiary: address(value, name) }),
  spec: (value, name) => ({ spec: oneOf(value, specs, name) }),
  visibility: (value, name) => ({ visibility: oneOf<Visibility>(value, visibilities, name) }),
};

/** The settings of `set_adapter_settings` for this ledger; field names as in the proposal. */
export const governedSettings: GovernedSettings = {
  check: (settings) => {
    parse(settings);
  },
  apply: (transaction, settings) => {
    const chain = new EthereumState(transaction).chain();
    const next = { ...chain, ...parse(settings) };
    if (specs.indexOf(next.spec) < specs.indexOf(chain.spec)) {
      throw wrong(`spec cannot go back from ${chain.spec} to ${next.spec}`);
    }
    writeChain(transaction, next);
  },
};

/** @throws SettingsInvalid */
function parse(settings: JsonValue): Changes {
  if (!isJsonObject(settings) || Object.keys(settings).length === 0) {
    throw wrong(`settings must be an object with one or more of ${Object.keys(fields).join(', ')}`);
  }
  const changes = Object.entries(settings).map(([name, value]) => {
    if (name === 'chain_id') throw wrong('chain_id is fixed: what was signed for it would be void');
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!field) throw wrong(`${name} is no setting; there are ${Object.keys(fields).join(', ')}`);
    return field(value, name);
  });
  return Object.assign({}, ...changes) as Changes;
}

function amount(
  value: JsonValue,
  { name, min, max }: { readonly name: string; readonly min: bigint; readonly max: bigint },
): bigint {
  const text = typeof value === 'number' ? String(value) : value;
  const number = typeof text === 'string' && /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  if (number !== undefined && number >= min && number <= max) return number;
  throw wrong(`${name} must be a whole number from ${min} to ${max}`);
}

function address(value: JsonValue, name: string): Uint8Array {
  if (typeof value === 'string' && /^0x[0-9a-fA-F]{40}$/.test(value)) return fromHex(value);
  throw wrong(`${name} must be an address: 0x and 40 hex digits`);
}

function oneOf<Choice extends string>(
  value: JsonValue,
  choices: readonly Choice[],
  name: string,
): Choice {
  const choice = choices.find((candidate) => candidate === value);
  if (choice !== undefined) return choice;
  throw wrong(`${name} must be one of ${choices.join(', ')}`);
}

function wrong(sentence: string): Error {
  return ethereumError('SettingsInvalid', `Ethereum: ${sentence}.`);
}
