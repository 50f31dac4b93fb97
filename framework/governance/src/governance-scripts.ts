/**
 * Runs what decides: the constitution that stands in the ledger, and members' ballots, all in one
 * transaction. Only `apply` may write, and only it reaches the framework's functions; everything
 * else reads. What a script does wrong comes back as a value, never as an exception.
 */
import type { TransactionId } from '@coco/base';
import type {
  ScriptAccess,
  ScriptContext,
  ScriptFunction,
  ScriptOutcome,
  ScriptValue,
} from '@coco/isolate';
import type { Transaction } from '@coco/kv';
import { checkIdentityRows } from './check-identity-rows.ts';
import { firstConstitution } from './first-constitution.ts';
import type { NativeContext, NativeFunctions } from './native-function.ts';
import { checkingFunctions, nativeFunctions } from './native-functions.ts';
import type { GovernancePorts } from './ports.ts';
import { scriptLimits } from './script-limits.ts';
import { constitution } from './tables.ts';

/** Why a script did not give a result; CCF's form, as it stands in the ledger. */
export interface ScriptFailure {
  readonly reason: string;
  readonly trace?: string | undefined;
}

/** What a call gave: a value, or why it gave none. */
export type ScriptResult =
  | { readonly kind: 'value'; readonly value: ScriptValue }
  | { readonly kind: 'failure'; readonly failure: ScriptFailure };

/** What a script says of its failure is told and recorded, but not at any length. */
const failureTextMax = 4096;
/** CCF's text. */
const timedOut = 'Operation took too long to complete.';

export class GovernanceScripts {
  readonly #transaction: Transaction;
  readonly #ports: GovernancePorts;
  /** The member whose request this is. */
  readonly #party: string;
  readonly #effects: ((id: TransactionId) => void)[] = [];

  constructor(transaction: Transaction, ports: GovernancePorts, party: string) {
    this.#transaction = transaction;
    this.#ports = ports;
    this.#party = party;
  }

  /** For the outcome: what follows from the entry, if actions asked for it. */
  readonly whenAppended = (id: TransactionId): void => {
    for (const effect of this.#effects) effect(id);
  };

  validate(proposal: string): Promise<ScriptResult> {
    return this.#callConstitution('validate', [proposal]);
  }

  resolve(args: readonly ScriptValue[]): Promise<ScriptResult> {
    return this.#callConstitution('resolve', args);
  }

  /** The value undefined when the constitution does not export it. */
  async nextResolution(args: readonly ScriptValue[]): Promise<ScriptResult> {
    const outcome = await this.#run('nextResolution', args, 'governance-read');
    return outcome.kind === 'missing' ? { kind: 'value', value: undefined } : resultOf(outcome);
  }

  apply(args: readonly ScriptValue[]): Promise<ScriptResult> {
    return this.#callConstitution('apply', args);
  }

  /**
   * What the actions wrote of identities is of the keys that hold them.
   * @throws GovernanceRowInvalid
   */
  checkIdentities(): void {
    checkIdentityRows(this.#transaction, this.#ports);
  }

  /** `isUnloadable`: the ballot is no module with a function `vote`. */
  async vote(
    ballot: { readonly source: string; readonly memberId: string },
    args: readonly ScriptValue[],
  ): Promise<ScriptResult & { readonly isUnloadable: boolean }> {
    const outcome = await this.#ports.scripts.run({
      source: ballot.source,
      entry: 'vote',
      args,
      access: this.#access('governance-read'),
      limits: scriptLimits(this.#transaction),
      isVoted: false,
      party: ballot.memberId,
    });
    const isUnloadable = outcome.kind === 'unloadable' || outcome.kind === 'missing';
    return { ...resultOf(outcome), isUnloadable };
  }

  async #callConstitution(
    entry: 'validate' | 'resolve' | 'apply',
    args: readonly ScriptValue[],
  ): Promise<ScriptResult> {
    const context = entry === 'apply' ? 'governance-write' : 'governance-read';
    const outcome = await this.#run(entry, args, context);
    if (outcome.kind !== 'missing') return resultOf(outcome);
    return { kind: 'failure', failure: { reason: `The constitution exports no ${entry}.` } };
  }

  #run(
    entry: string,
    args: readonly ScriptValue[],
    context: ScriptContext,
  ): Promise<ScriptOutcome> {
    // Ledgers of the first slice hold no constitution.
    const stored = constitution.require(this.#transaction);
    return this.#ports.scripts.run({
      source: stored === '' ? firstConstitution : stored,
      entry,
      args,
      access: this.#access(context),
      limits: scriptLimits(this.#transaction),
      isVoted: true,
      party: this.#party,
    });
  }

  #access(context: ScriptContext): ScriptAccess {
    const transaction = this.#transaction;
    return {
      context,
      map: (name) => transaction.map(name),
      functions: this.#bind(context === 'governance-write' ? nativeFunctions : checkingFunctions),
    };
  }

  #bind(functions: NativeFunctions): ReadonlyMap<string, ScriptFunction> {
    const context: NativeContext = {
      transaction: this.#transaction,
      ports: this.#ports,
      whenAppended: (effect) => this.#effects.push(effect),
    };
    const bound = [...functions].map(
      ([path, call]) => [path, (args: readonly ScriptValue[]) => call(context, args)] as const,
    );
    return new Map(bound);
  }
}

function resultOf(outcome: ScriptOutcome): ScriptResult {
  switch (outcome.kind) {
    case 'returned':
      return { kind: 'value', value: outcome.value };
    case 'threw':
    case 'unloadable':
      return {
        kind: 'failure',
        failure: {
          reason: outcome.reason.slice(0, failureTextMax),
          trace: outcome.trace?.slice(0, failureTextMax),
        },
      };
    case 'timedOut':
      return { kind: 'failure', failure: { reason: timedOut } };
    case 'missing':
      return { kind: 'failure', failure: { reason: 'The module does not export the function.' } };
  }
}
