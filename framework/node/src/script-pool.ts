/**
 * Runs scripts in processes of their own, a few at a time. Calls wait their turn by party, one of
 * each party after the other, and no party holds every process at once: one member's loops do not
 * hold up those of the others.
 */

import { LedgerError } from '@coco/base';
import {
  isolateError,
  outcomeOf,
  programOf,
  type ScriptCall,
  type ScriptOutcome,
  type ScriptRunner,
  ScriptServer,
} from '@coco/isolate';
import { type ProcessEnd, ScriptProcess, type ScriptProcessOptions } from './script-process.ts';

export interface ScriptPoolOptions extends ScriptProcessOptions {
  /** Each takes some 60 MiB, and a core while it runs. */
  readonly processes?: number;
  /** Beyond it calls are refused. */
  readonly waitingMax?: number;
}

const processesDefault = 2;
/** As many calls as a node would answer in a minute or so if each took its whole time. */
const waitingMaxDefault = 256;

/** What breaks its process this often is at fault itself. */
const attemptsMax = 2;

interface Waiting {
  readonly party: string;
  readonly begin: () => void;
  readonly refuse: (error: LedgerError) => void;
}

export class ScriptPool implements ScriptRunner {
  readonly #options: ScriptProcessOptions;
  readonly #processesMax: number;
  readonly #waitingMax: number;
  /** Processes that run nothing now; each may still be starting. */
  readonly #idle: Promise<ScriptProcess>[] = [];
  /** Calls that run, by party. */
  readonly #running = new Map<string, number>();
  /** In the order of arrival; a party's turn goes by #turns. */
  #waiting: Waiting[] = [];
  /** When a party last had its turn. */
  readonly #turns = new Map<string, number>();
  #turnCount = 0;
  #runningCount = 0;
  #isClosed = false;

  constructor(options: ScriptPoolOptions) {
    this.#options = options;
    this.#processesMax = options.processes ?? processesDefault;
    this.#waitingMax = options.waitingMax ?? waitingMaxDefault;
    // The others start with the first call, and stay: many a node runs no script for long.
    this.#spawn();
  }

  /** @throws TooManyScripts; IsolateFailed; what the access throws that is no refusal */
  async run(call: ScriptCall): Promise<ScriptOutcome> {
    await this.#turn(call.party);
    try {
      return await this.#runNow(call);
    } finally {
      this.#release(call.party);
    }
  }

  /** Ends the processes once they are idle; further calls are refused. */
  close(): void {
    this.#isClosed = true;
    for (const idle of this.#idle) idle.then(kill, () => {});
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { refuse } of waiting) refuse(closed());
  }

  /** Resolves when it is the party's turn. */
  #turn(party: string): Promise<void> {
    if (this.#isClosed) return Promise.reject(closed());
    if (this.#mayRun(party)) {
      this.#begin(party);
      return Promise.resolve();
    }
    if (this.#waiting.length >= this.#waitingMax) {
      const message = `${this.#waitingMax} calls of scripts wait already.`;
      return Promise.reject(isolateError('TooManyScripts', message));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ party, begin: resolve, refuse: reject });
    });
  }

  #mayRun(party: string): boolean {
    const ofOneMax = Math.max(1, this.#processesMax - 1);
    const ofParty = this.#running.get(party) ?? 0;
    return this.#runningCount < this.#processesMax && ofParty < ofOneMax;
  }

  #begin(party: string): void {
    this.#runningCount++;
    this.#running.set(party, (this.#running.get(party) ?? 0) + 1);
    this.#turns.set(party, ++this.#turnCount);
  }

  #release(party: string): void {
    this.#runningCount--;
    const left = (this.#running.get(party) ?? 1) - 1;
    if (left > 0) this.#running.set(party, left);
    else this.#running.delete(party);
    const next = this.#next();
    if (next !== undefined) {
      this.#waiting = this.#waiting.filter((waiting) => waiting !== next);
      this.#begin(next.party);
      next.begin();
    }
    if (this.#waiting.length === 0) this.#turns.clear();
  }

  /** Of those that may run, the one whose party had its turn the longest time ago. */
  #next(): Waiting | undefined {
    const lastTurn = ({ party }: Waiting): number => this.#turns.get(party) ?? 0;
    return this.#waiting
      .filter(({ party }) => this.#mayRun(party))
      .reduce<Waiting | undefined>(
        (first, one) => (first === undefined || lastTurn(one) < lastTurn(first) ? one : first),
        undefined,
      );
  }

  /**
   * A process that breaks may have been broken by the script or by the host: a call that has done
   * nothing yet is begun again, and what breaks two processes is the script's doing.
   */
  async #runNow(call: ScriptCall): Promise<ScriptOutcome> {
    const program = programOf(call);
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const server = new ScriptServer(call.access);
      const script = await this.#take();
      if (this.#idle.length + this.#runningCount < this.#processesMax) this.#spawn();
      let end: ProcessEnd;
      try {
        end = await script.run(program, (request) => server.answer(request));
      } finally {
        this.#giveBack(script);
      }
      const outcome = concluded(end);
      if (outcome !== undefined) return outcome;
      if (server.hasActed) throw failed(end);
    }
    const reason = 'InternalError: the script broke its isolate';
    return { kind: 'threw', reason, trace: undefined };
  }

  /** A process that takes calls. @throws IsolateFailed */
  async #take(): Promise<ScriptProcess> {
    for (;;) {
      // What cannot be started now may be started for the next call.
      const script = await (this.#idle.shift() ?? ScriptProcess.start(this.#options));
      if (script.isUsable) return script;
    }
  }

  #giveBack(script: ScriptProcess): void {
    if (this.#isClosed) script.kill();
    else if (script.isUsable) this.#idle.push(Promise.resolve(script));
    else this.#spawn();
  }

  #spawn(): void {
    if (this.#isClosed) return;
    const starting = ScriptProcess.start(this.#options);
    starting.then(
      (script) => {
        if (this.#isClosed) script.kill();
      },
      () => {},
    );
    this.#idle.push(starting);
  }
}

function kill(script: ScriptProcess): void {
  script.kill();
}

/**
 * What the consortium voted for and what it did not run in processes of their own: whoever breaks
 * out of a ballot reaches no process that will run the constitution, which decides.
 */
export class ScriptPools implements ScriptRunner {
  readonly #voted: ScriptPool;
  readonly #options: ScriptPoolOptions;
  /** Starts with the first ballot. */
  #unvoted: ScriptPool | undefined;
  #isClosed = false;

  constructor(options: ScriptPoolOptions) {
    this.#options = options;
    this.#voted = new ScriptPool(options);
  }

  /** @throws TooManyScripts; IsolateFailed; what the access throws that is no refusal */
  run(call: ScriptCall): Promise<ScriptOutcome> {
    if (call.isVoted) return this.#voted.run(call);
    if (this.#isClosed) return Promise.reject(closed());
    this.#unvoted ??= new ScriptPool(this.#options);
    return this.#unvoted.run(call);
  }

  /** Ends the processes once they are idle; further calls are refused. */
  close(): void {
    this.#voted.close();
    this.#isClosed = true;
    this.#unvoted?.close();
  }
}

/** Undefined when the process broke. */
function concluded(end: ProcessEnd): ScriptOutcome | undefined {
  switch (end.kind) {
    case 'late':
      return { kind: 'timedOut' };
    case 'grown':
      return { kind: 'threw', reason: 'InternalError: out of memory', trace: undefined };
    case 'broken':
      return undefined;
    case 'ended':
      try {
        return outcomeOf(end.outcome);
      } catch (error) {
        if (error instanceof LedgerError && error.code === 'InvalidScriptMessage') return undefined;
        throw error;
      }
  }
}

function failed(end: ProcessEnd): LedgerError {
  const cause = end.kind === 'broken' ? end.cause : 'It answers with what is no value.';
  return isolateError('IsolateFailed', 'The isolate broke during a call.', {}, cause);
}

function closed(): LedgerError {
  return isolateError('IsolateFailed', 'The isolates are closed.');
}
