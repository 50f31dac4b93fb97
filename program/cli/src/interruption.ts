/** Ctrl-C while something is under way that must not be left half done. */
import { note } from './output.ts';

const interruptedExitCode = 130;

/**
 * Runs `act` to its end although somebody asks to stop, then stops; a second Ctrl-C ends the
 * program at once.
 */
export async function uninterrupted<Result>(
  what: string,
  act: () => Promise<Result>,
): Promise<Result> {
  let isAsked = false;
  const onSignal = () => {
    if (isAsked) process.exit(interruptedExitCode);
    isAsked = true;
    note(`\n${what} is under way and is finished first; Ctrl-C again stops at once.`);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    return await act();
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    if (isAsked) process.exitCode = interruptedExitCode;
  }
}
