/** The production ports: system clock, the kernel's randomness, and a log that writes lines. */
import { randomBytes } from 'node:crypto';
import type { Clock, Log, LogFields, LogLevel, Random } from '@coco/base';
import { RandomPool } from './random-pool.ts';

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export const systemRandom: Random = new RandomPool((length) => randomBytes(length));

const levelOrder: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, error: 3 };
const ccfNames: Readonly<Record<LogLevel, string>> = {
  debug: 'debug',
  info: 'info ',
  warning: 'info ',
  error: 'fail ',
};

/**
 * A log to `write` (a line each): `Text` as CCF words it, `Json` one object a line. Fields are
 * counts, names and codes, never user data.
 */
export function createLog(options: {
  readonly level: LogLevel;
  readonly format: 'Text' | 'Json';
  readonly clock: Clock;
  readonly write: (line: string) => void;
}): Log {
  const { level: lowest, format, clock, write } = options;
  return {
    write: (level, event, fields = {}) => {
      if (levelOrder[level] < levelOrder[lowest]) return;
      const time = new Date(clock.nowMs()).toISOString();
      if (format === 'Json') write(JSON.stringify({ time, level, event, ...fields }));
      else write(`${time} 0   [${ccfNames[level]}] ${event} | ${fieldsText(fields)}`);
    },
  };
}

function fieldsText(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ');
}
