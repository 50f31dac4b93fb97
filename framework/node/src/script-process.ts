/**
 * One process for scripts and the node's end of its pipes. The process is not trusted: a script may
 * have taken it over. What it sends is parsed with limits, it is answered what its run's access
 * allows, and it is killed when it is late, grows, or says what has no place.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert, type Clock, LedgerError } from '@coco/base';
import {
  decodeFromIsolate,
  encodeToIsolate,
  engineUrl,
  FrameReader,
  type FromIsolate,
  frame,
  fromIsolateBytesMax,
  isolateError,
  type PackedOutcome,
  type ScriptAnswer,
  type ScriptProgram,
  type ScriptRequest,
  type ToIsolate,
} from '@coco/isolate';

/** What became of a call. */
export type ProcessEnd =
  | { readonly kind: 'ended'; readonly outcome: PackedOutcome }
  /** The process was killed for its time or its memory. */
  | { readonly kind: 'late' | 'grown' }
  /** It ended by itself, or said what has no place; the cause is for people who look for a bug. */
  | { readonly kind: 'broken'; readonly cause: unknown };

/** Answers what the script asks. */
export type Answerer = (request: ScriptRequest) => ScriptAnswer | Promise<ScriptAnswer>;

/** Starting takes some 0.3 s on an idle machine. */
const startMsMax = 30_000;
/** The script's own clock ends it; this is for what does not look at it. */
const graceMs = 1000;
const watchMs = 250;
/** V8, the engine's code, and messages on their way; beside twice the script's heap. */
const spareBytes = 384 * 1024 * 1024;
/** Deep recursion must reach the engine's own limit before V8's; the system grants 8 MiB. */
const stackKibibytes = 3900;
const oldSpaceMebibytes = 192;
/** Of what the process says before it is ready: afterwards it could be a script's. */
const complaintCharactersMax = 2000;
/** Size of a page in /proc/<pid>/statm on the machines that Node.js supports with TEEs. */
const pageBytes = 4096;

/** What the processes run. */
const scriptWorkerPath: string = fileURLToPath(new URL('./script-worker.ts', import.meta.url));

export interface ScriptProcessOptions {
  readonly clock: Clock;
  /** Another file than the worker's: a hostile one, in tests. */
  readonly workerPath?: string | undefined;
}

interface Run {
  readonly answer: Answerer;
  readonly heapBytesMax: number;
  readonly resolve: (end: ProcessEnd) => void;
  readonly reject: (error: unknown) => void;
  readonly stopTimers: () => void;
  /** The script stands still until it is answered. */
  isAsking: boolean;
  /** What the access failed with: the run is being given up. */
  failure: { readonly error: unknown } | undefined;
}

export class ScriptProcess {
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #frames = new FrameReader(fromIsolateBytesMax);
  readonly #isReady: Promise<void>;
  #becomeReady: (() => void) | undefined;
  #run: Run | undefined;
  #isGone = false;

  private constructor({ clock, workerPath }: ScriptProcessOptions) {
    this.#clock = clock;
    this.#child = spawn(process.execPath, workerArguments(workerPath ?? scriptWorkerPath), {
      env: {},
      stdio: ['pipe', 'pipe', 'pipe'],
      windowsHide: true,
    });
    this.#isReady = this.#awaitReady();
    this.#child.stdout?.on('data', (piece: Uint8Array) => this.#receive(piece));
    // Writing to a process that has just ended fails; its end is told by `exit`.
    this.#child.stdin?.on('error', () => {});
    this.#child.on('exit', () => this.#broken('The process ended.'));
  }

  /** Resolves when the process takes calls. @throws IsolateFailed */
  static async start(options: ScriptProcessOptions): Promise<ScriptProcess> {
    const started = new ScriptProcess(options);
    await started.#isReady;
    started.#holdNode(false);
    return started;
  }

  /** Whether it takes another call, once it has ended the one before. */
  get isUsable(): boolean {
    return !this.#isGone;
  }

  /** Runs a call; one at a time. @throws what `answer` throws */
  run(program: ScriptProgram, answer: Answerer): Promise<ProcessEnd> {
    assert(this.#run === undefined, 'a process runs one call at a time');
    if (this.#isGone) return Promise.resolve({ kind: 'broken', cause: 'The process ended.' });
    return new Promise((resolve, reject) => {
      const { heapBytesMax, executionMsMax } = program.limits;
      const stopTimers = this.#startTimers(executionMsMax + graceMs);
      const run = { answer, heapBytesMax, resolve, reject, stopTimers };
      this.#run = { ...run, isAsking: false, failure: undefined };
      this.#holdNode(true);
      this.#write({ kind: 'run', program });
    });
  }

  kill(): void {
    this.#isGone = true;
    this.#child.kill('SIGKILL');
  }

  /** Whether the node's process goes on while this one lives; an idle one holds nothing up. */
  #holdNode(isHeld: boolean): void {
    const { stdin, stdout, stderr } = this.#child;
    for (const handle of [this.#child, stdin, stdout, stderr]) {
      // The pipes are sockets, which the types of `spawn` do not say.
      if (isHeld) (handle as Socket | null)?.ref();
      else (handle as Socket | null)?.unref();
    }
  }

  #awaitReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      let complaint = '';
      const fail = (cause: unknown): void => {
        stopTimer();
        this.kill();
        const message = 'The process for scripts does not start.';
        reject(isolateError('IsolateFailed', message, { complaint }, cause));
      };
      const stopTimer = this.#clock.setTimer(startMsMax, () => fail('It took too long.'));
      this.#child.stderr?.on('data', (text: Uint8Array) => {
        const isStarting = this.#becomeReady !== undefined;
        if (isStarting) complaint = `${complaint}${text}`.slice(0, complaintCharactersMax);
      });
      this.#child.on('error', fail);
      this.#child.on('exit', fail);
      this.#becomeReady = () => {
        stopTimer();
        this.#becomeReady = undefined;
        resolve();
      };
    });
  }

  #receive(piece: Uint8Array): void {
    try {
      for (const bytes of this.#frames.push(piece)) {
        if (this.#isGone) return;
        this.#heed(decodeFromIsolate(bytes));
      }
    } catch (cause) {
      this.#broken(cause);
    }
  }

  #heed(message: FromIsolate): void {
    if (message.kind === 'ready' && this.#becomeReady !== undefined) {
      this.#becomeReady();
      return;
    }
    const run = this.#run;
    const isDue = run !== undefined && !run.isAsking;
    if (message.kind === 'ended' && isDue && run.failure === undefined) {
      if (message.isSpent) this.kill();
      this.#end({ kind: 'ended', outcome: message.outcome });
    } else if (message.kind === 'aborted' && isDue && run.failure !== undefined) {
      this.#end({ kind: 'broken', cause: 'aborted' });
    } else if ('map' in message || 'cursor' in message || message.kind === 'call') {
      if (isDue && run.failure === undefined) this.#answer(run, message);
      else this.#broken('It asks out of turn.');
    } else {
      this.#broken('It says what has no place.');
    }
  }

  #answer(run: Run, request: ScriptRequest): void {
    run.isAsking = true;
    const answered = (answer: ToIsolate): void => {
      if (this.#run !== run) return;
      run.isAsking = false;
      this.#write(answer);
    };
    const failed = (error: unknown): void => {
      if (this.#run !== run) return;
      if (isMalformed(error)) {
        this.#broken(error);
        return;
      }
      run.failure = { error };
      answered({ kind: 'abort' });
    };
    try {
      const answer = run.answer(request);
      if (answer instanceof Promise) answer.then(answered, failed);
      else answered(answer);
    } catch (error) {
      failed(error);
    }
  }

  #write(message: ToIsolate): void {
    this.#child.stdin?.write(frame(encodeToIsolate(message)));
  }

  #broken(cause: unknown): void {
    this.kill();
    this.#end({ kind: 'broken', cause });
  }

  #end(end: ProcessEnd): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    this.#holdNode(false);
    run.stopTimers();
    if (run.failure !== undefined) run.reject(run.failure.error);
    else run.resolve(end);
  }

  #startTimers(msMax: number): () => void {
    let isStopped = false;
    const killed = (kind: 'late' | 'grown'): void => {
      if (isStopped) return;
      this.kill();
      this.#end({ kind });
    };
    // The outcome may lie in the pipe, unread because this thread was busy: look there first.
    const stopLate = this.#clock.setTimer(msMax, () => setImmediate(() => killed('late')));
    let stopWatch = (): void => {};
    const watch = async (): Promise<void> => {
      const bytesMax = 2 * (this.#run?.heapBytesMax ?? 0) + spareBytes;
      if ((await residentBytes(this.#child.pid)) > bytesMax) killed('grown');
      else if (!isStopped) stopWatch = this.#clock.setTimer(watchMs, () => void watch());
    };
    stopWatch = this.#clock.setTimer(watchMs, () => void watch());
    return () => {
      isStopped = true;
      stopLate();
      stopWatch();
    };
  }
}

function isMalformed(error: unknown): boolean {
  return error instanceof LedgerError && error.code === 'InvalidScriptMessage';
}

/** Physical memory of a process; 0 where the system does not tell in this way. */
async function residentBytes(pid: number | undefined): Promise<number> {
  const statistics = await readFile(`/proc/${pid}/statm`, 'latin1').catch(() => '');
  return Number(statistics.split(' ')[1] ?? 0) * pageBytes;
}

/** Node's permission model lets it read its code; nothing lets it write, spawn or load addons. */
function workerArguments(workerPath: string): readonly string[] {
  const rooms = ['@coco/base', '@coco/crypto', '@coco/isolate'];
  const sources = rooms.map((room) => dirname(fileURLToPath(import.meta.resolve(room))));
  const engine = fileURLToPath(engineUrl);
  const packages = engine.slice(0, engine.lastIndexOf('/quickjs-wasi/'));
  const folders = [...sources, dirname(workerPath)].flatMap((source) => [
    source,
    `${dirname(source)}/package.json`,
  ]);
  return [
    '--permission',
    ...[...folders, packages].map((folder) => `--allow-fs-read=${folder}`),
    '--no-addons',
    '--disallow-code-generation-from-strings',
    '--disable-sigusr1',
    '--disable-proto=delete',
    `--max-old-space-size=${oldSpaceMebibytes}`,
    `--stack-size=${stackKibibytes}`,
    workerPath,
  ];
}
