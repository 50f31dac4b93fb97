/**
 * Runs the command as a child and becomes its shadow: same streams, same exit code, and a signal
 * reaches the child once. Ctrl-C arrives here twice (from the terminal, which signals the whole
 * group, and from npm, which passes it on), so an interactive child lives in a group of its own
 * and gets the first one; a repetition within half a second is the same key press.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { BootstrapFailure } from './step.mjs';

const echoMs = 500;
const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/** Resolves when the child has ended, with this process's exit code set to the child's. */
export function runChild({ file, args, cwd, env, isInteractive }) {
  const hasOwnGroup = isInteractive && process.platform !== 'win32';
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, stdio: 'inherit', detached: hasOwnGroup });
    const last = new Map();
    for (const signal of passedOn) {
      process.on(signal, () => {
        const now = Date.now();
        const isEcho = now - (last.get(signal) || 0) < echoMs;
        last.set(signal, now);
        // Without a group of its own the child has had the terminal's Ctrl-C already.
        const hadIt = !hasOwnGroup && signal === 'SIGINT' && process.stdin.isTTY;
        if (!isEcho && !hadIt) child.kill(signal);
      });
    }
    if (hasOwnGroup) process.on('SIGWINCH', () => child.kill('SIGWINCH'));
    child.on('error', (error) => {
      reject(new BootstrapFailure(`${file} cannot be started (${error.code}).`));
    });
    child.on('exit', (code, signal) => {
      // The shell's convention for a child that a signal ended.
      process.exitCode = signal === null ? code : 128 + (constants.signals[signal] || 0);
      for (const name of passedOn) process.removeAllListeners(name);
      resolve();
    });
  });
}
