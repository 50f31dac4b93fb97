/** How a node that began from a snapshot gets what came before it, as the node has it. */
import { LedgerError, type Log } from '@coco/base';
import { OlderFiles } from '@coco/ledger';
import { OlderLedger } from '@coco/replication';
import { ledgerFolder } from './durability-checker.ts';
import type { NodeStart } from './node-start.ts';
import { simulatedKey } from './rekey.ts';
import type { RunningNode } from './running-node.ts';
import type { World } from './world.ts';

interface OlderParts {
  readonly world: World;
  readonly start: NodeStart;
  readonly log: Log;
  readonly onFailed: (error: unknown) => void;
}

type Point = ConstructorParameters<typeof OlderLedger>[0]['point'];

export class OlderPart {
  readonly #node: RunningNode;
  readonly #parts: OlderParts;
  #hasBegun = false;
  /** Whether everything is in the node's files. */
  isDone = false;

  constructor(node: RunningNode, parts: OlderParts) {
    this.#node = node;
    this.#parts = parts;
  }

  /** In the background; once. */
  begin(point: Point | undefined): void {
    if (!point || this.#hasBegun) return;
    this.#hasBegun = true;
    const { world, log, onFailed } = this.#parts;
    this.#fetch(point).then(
      () => {
        this.isDone = true;
        world.counts.add('older ledger');
      },
      (error: unknown) => {
        // What the disk refuses ends the fetching, not the node.
        if (error instanceof LedgerError) log.write('error', 'older.failed', { code: error.code });
        else onFailed(error);
      },
    );
  }

  /** Never resolves where the node ends before. */
  async #fetch(point: Point): Promise<void> {
    const node = this.#node;
    const { start, log } = this.#parts;
    const { nodeId, secrets, clock } = node;
    const at = { disk: start.disk.patient, folder: ledgerFolder };
    let files: OlderFiles;
    const older = new OlderLedger({
      point,
      receiver: { nodeId, secrets, encryptionKey: simulatedKey(nodeId) },
      files: {
        begin: async () => {
          files = await node.askWorker(() => OlderFiles.create(at, start.files));
        },
        append: (batches) => node.askWorker(() => files.append(batches)),
        finish: () => node.askWorker(() => files.finish()),
      },
      sources: () => start.sources(node),
      clock,
      log,
      yieldThread: () => new Promise((resolve) => clock.setTimer(0, resolve)),
    });
    await older.fetch();
  }
}
