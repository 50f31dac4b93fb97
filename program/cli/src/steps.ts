/** A list of steps with their seconds, as a person at a terminal sees them. */

export interface Terminal {
  readonly isInteractive: boolean;
  write(text: string): void;
}

export const standardTerminal: Terminal = {
  isInteractive: process.stdout.isTTY === true,
  write: (text) => {
    process.stdout.write(text);
  },
};

/** Runs `act` as a named step: the line shows that it runs, then how long it took. */
export async function step<Result>(
  terminal: Terminal,
  name: string,
  act: () => Promise<Result>,
): Promise<Result> {
  const startedMs = performance.now();
  if (terminal.isInteractive) terminal.write(`  …  ${name}\r`);
  try {
    const result = await act();
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    terminal.write(`  ok ${name.padEnd(52)} ${seconds.padStart(5)} s\n`);
    return result;
  } catch (error) {
    terminal.write(`  !! ${name}\n`);
    throw error;
  }
}
