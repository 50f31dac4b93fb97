/**
 * What happened, a line each, for people; and a digest over all of it and over every message, by
 * which two runs are known to be one.
 */
import { createHash } from 'node:crypto';
import type { Agenda } from './agenda.ts';

/** A failure is explained by what came last. */
const linesMax = 300;
const timeWidth = 10;

export class Transcript {
  readonly #agenda: Agenda;
  readonly #hash = createHash('sha256');
  readonly #lines: string[] = [];
  readonly #onLine: (line: string) => void;

  constructor(agenda: Agenda, onLine: (line: string) => void = () => {}) {
    this.#agenda = agenda;
    this.#onLine = onLine;
  }

  write(who: string, what: string): void {
    const line = `${this.#agenda.nowMs.toFixed(1).padStart(timeWidth)} ms  ${who}: ${what}`;
    this.#hash.update(line);
    this.#lines.push(line);
    if (this.#lines.length > linesMax) this.#lines.shift();
    this.#onLine(line);
  }

  bytes(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** The last lines. */
  tail(): readonly string[] {
    return this.#lines;
  }

  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}
