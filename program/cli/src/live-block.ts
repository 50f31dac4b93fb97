/** Lines at the bottom of a terminal that are drawn anew, while other lines scroll above them. */
import type { Terminal } from './steps.ts';

const eraseBelow = '\u001b[J';
const columnsDefault = 80;

export class LiveBlock {
  readonly #terminal: Terminal;
  #lines: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Replaces what was drawn. Lines longer than the terminal is wide are cut: they must not wrap. */
  draw(lines: readonly string[]): void {
    const width = (this.#terminal.columns ?? columnsDefault) - 1;
    const cut = lines.map((line) => line.slice(0, width));
    this.#terminal.write(`${this.#erased()}${cut.map((line) => `${line}\n`).join('')}`);
    this.#lines = cut;
  }

  /** Writes a line above the block, to stay. */
  print(line: string): void {
    this.#terminal.write(`${this.#erased()}${line}\n`);
    const lines = this.#lines;
    this.#lines = [];
    if (lines.length > 0) this.draw(lines);
  }

  #erased(): string {
    const up = this.#lines.length;
    return up === 0 ? '' : `\u001b[${up}A\r${eraseBelow}`;
  }
}
