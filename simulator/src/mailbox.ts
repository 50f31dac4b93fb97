/**
 * The way between two threads of one node: messages arrive later, in order. What is sent while
 * others wait arrives with them, as it may on a busy thread.
 */
import type { Agenda } from './agenda.ts';
import type { Chance } from './chance.ts';

/** The longest that a message waits for a busy thread. */
const delayMsMax = 1.5;

export class Mailbox {
  readonly #agenda: Agenda;
  readonly #chance: Chance;
  readonly #owner: number;
  #waiting: (() => void)[] = [];

  constructor(agenda: Agenda, chance: Chance, owner: number) {
    this.#agenda = agenda;
    this.#chance = chance;
    this.#owner = owner;
  }

  post(deliver: () => void): void {
    this.#waiting.push(deliver);
    if (this.#waiting.length > 1) return;
    this.#agenda.after(this.#chance.between(0, delayMsMax), this.#owner, () => {
      const due = this.#waiting;
      this.#waiting = [];
      for (const one of due) one();
    });
  }
}
