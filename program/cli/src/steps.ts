/** A list of steps with their seconds, as a person at a terminal sees them. */

export interface Terminal {
  readonly isInteractive: boolean;
  /** How wide it is; undefined where that is not known. */
  readonly columns?: number | undefined;
  write(text: string): void;
}

export const standardTerminal: Terminal = {
  isInteractive: process.stdout.isTTY === true,
  get columns() {
    return process.stdout.columns;
  },
  write: (text) => {
    process.stdout.write(text);
  },
};

/** What is printed may go to a file or a pipe: progress goes beside it. */
export const progressTerminal: Terminal = {
  isInteractive: process.stderr.isTTY === true,
  write: (text) => {
    process.stderr.write(text);
  },
};

/** How far a step has come, in a few words. */
export type Progress = (state: string) => void;

/** The longest name, and room behind it for how far the step has come. */
const nameColumns = 56;
const stateColumns = 24;

/**
 * Runs `act` as a named step: the line shows that it runs and how far it has come, then how long it
 * took.
 */
export async function step<Result>(
  terminal: Terminal,
  name: string,
  act: (progress: Progress) => Promise<Result>,
): Promise<Result> {
  const startedMs = performance.now();
  const show: Progress = (state) => {
    if (!terminal.isInteractive) return;
    terminal.write(`  …  ${name.padEnd(nameColumns)}${state.slice(0, stateColumns)}\r`);
  };
  show('');
  try {
    const result = await act(show);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    const blank = terminal.isInteractive ? ' '.repeat(stateColumns) : '';
    terminal.write(`  ok ${name.padEnd(nameColumns)} ${seconds.padStart(5)} s${blank}\n`);
    return result;
  } catch (error) {
    terminal.write(`  !! ${name}\n`);
    throw error;
  }
}
