/**
 * Runs a command that the caller named, where a key lives that we never see: bytes to its stdin,
 * the result from its stdout. What it says on stderr goes to the person at the terminal.
 */
import { spawn } from 'node:child_process';
import { concatBytes } from '@coco/base';
import { memberError } from './errors.ts';

/** Signatures and shares are some hundred bytes. */
const outputBytesMax = 16 * 1024;
/** A person may have to find a token and type a PIN. */
const commandMsMax = 10 * 60_000;

/** @throws SignerFailed when it does not start, fails, or says nothing */
export function runExternalCommand(
  command: string,
  call: { readonly input: Uint8Array; readonly environment: Readonly<Record<string, string>> },
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, {
      shell: true,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...call.environment },
      timeout: commandMsMax,
    });
    const parts: Uint8Array[] = [];
    let length = 0;
    child.stdout.on('data', (part: Uint8Array) => {
      length += part.length;
      if (length <= outputBytesMax) parts.push(part);
      else child.kill();
    });
    // A command that does not read its input is judged by what it writes.
    child.stdin.on('error', () => undefined);
    // Whoever stops us stops the command, which may wait for a token that nobody will plug in.
    const stop = (signal: NodeJS.Signals) => child.kill(signal);
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    child.once('error', (cause) => reject(failed(command, 'does not start', cause)));
    child.once('close', (code, signal) => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
      if (length > outputBytesMax) return reject(failed(command, 'wrote too much to be a result'));
      if (code !== 0) return reject(failed(command, `ended with ${signal ?? `code ${code}`}`));
      if (length === 0) return reject(failed(command, 'wrote nothing'));
      resolve(concatBytes(...parts));
    });
    child.stdin.end(call.input);
  });
}

function failed(command: string, what: string, cause?: unknown): Error {
  return memberError('SignerFailed', `The command "${command}" ${what}.`, {}, cause);
}
