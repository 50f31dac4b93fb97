/** The `coco` command. Errors end in one sentence and an exit code; bugs in a stack. */
import { LedgerError, printable } from '@coco/base';
import { runCommand } from './command-line.ts';
import { commands } from './commands.ts';

// Who reads the output has seen enough (`| head`): there is nobody left to work for.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  await runCommand(commands, process.argv.slice(2), (text) => console.log(text));
} catch (error) {
  if (!(error instanceof LedgerError)) throw error;
  // What the service refused is told by the service's own code.
  const code = String(error.metadata.serviceCode ?? error.code);
  const document = { error: { code, message: error.message } };
  const isJson = process.argv.includes('--json');
  console.error(isJson ? JSON.stringify(document) : printable(`coco: ${error.message} (${code})`));
  process.exitCode = error.code === 'WrongUsage' ? 2 : 1;
}
