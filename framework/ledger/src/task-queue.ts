/**
 * What is done to the files, one after another in the order of the calls. While a change waits for
 * room on the disk, the reads behind it are done: it has the turn and lends it to them.
 */

interface Task {
  readonly isRead: boolean;
  readonly run: () => Promise<void>;
}

export class TaskQueue {
  readonly #tasks: Task[] = [];
  #isRunning = false;
  #arrived = Promise.withResolvers<void>();

  /** Resolves or rejects as the task does, when its turn has come. */
  add<Value>(kind: 'read' | 'change', task: () => Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const run = (): Promise<void> => task().then(resolve, reject);
      this.#tasks.push({ isRead: kind === 'read', run });
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
      void this.#work();
    });
  }

  /** Called from within a change: does the reads that wait, and those that come, until `again`. */
  async lendTurn(again: Promise<void>): Promise<void> {
    let isOver = false;
    const over = again.then(() => {
      isOver = true;
    });
    while (!isOver) {
      const arrived = this.#arrived.promise;
      const at = this.#tasks.findIndex(({ isRead }) => isRead);
      const [read] = at < 0 ? [] : this.#tasks.splice(at, 1);
      if (read) await read.run();
      else await Promise.race([over, arrived]);
    }
  }

  async #work(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let task = this.#tasks.shift(); task; task = this.#tasks.shift()) await task.run();
    this.#isRunning = false;
  }
}
