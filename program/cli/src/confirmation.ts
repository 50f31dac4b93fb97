/** Nothing that cannot be taken back happens without a yes: at a terminal, or by --yes. */
import { createInterface } from 'node:readline/promises';
import type { Flag, Given } from './command-line.ts';
import { cliError } from './errors.ts';

export const confirmationFlags: Readonly<Record<string, Flag>> = {
  yes: { type: 'boolean', meaning: 'go ahead without asking' },
};

/** Asks on stderr. @throws NotConfirmed for any answer but yes, and where nobody can be asked */
export async function confirm(
  given: Given,
  question: string,
  isAtTerminal: boolean = process.stdin.isTTY === true,
): Promise<void> {
  if (given.isSet('yes')) return;
  const { stdin, stderr } = process;
  if (!isAtTerminal) {
    const message = `${question} There is no terminal to ask at: look at it, then add --yes.`;
    throw cliError('NotConfirmed', message);
  }
  const asked = createInterface({ input: stdin, output: stderr });
  try {
    const interrupted = new Promise<string>((resolve) => {
      asked.once('SIGINT', () => resolve('no'));
      asked.once('close', () => resolve('no'));
    });
    const answer = await Promise.race([asked.question(`${question} Type yes: `), interrupted]);
    if (answer.trim().toLowerCase() === 'yes') return;
  } finally {
    asked.close();
  }
  throw cliError('NotConfirmed', 'Nothing was signed and nothing was sent.');
}
