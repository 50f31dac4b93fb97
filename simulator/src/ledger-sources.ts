/**
 * How a simulated node reads the ledger of another: by the codec and the files of production, over
 * a link that may be cut, from a host that now and then serves something else.
 */
import { asSeqno, type LedgerError, type Seqno } from '@coco/base';
import { nodeInfos } from '@coco/governance';
import { type CommittedBody, decodeBatches, encodeBatches, readBatches } from '@coco/ledger';
import { type CatchUpSource, replicationError, type SnapshotPart } from '@coco/replication';
import { nobody } from './agenda.ts';
import type { Chance } from './chance.ts';
import type { RunningNode } from './running-node.ts';
import { purposes, type World } from './world.ts';

const transitMs = { low: 0.5, high: 8 };
const answerMsMax = 400;
/** Small, so that a reader asks several times, and several nodes. */
const answerBytesMax = 6_000;
/** How often the hostile host serves what it likes. */
const hostilePercent = 60;
/** Small, so that a snapshot comes in several parts. */
const partBytesMax = 20_000;
const snapshotBytesMax = 1 << 26;

export const snapshotFolder = 'snapshots';

/** Who reads from whom. */
interface Ends {
  readonly reader: RunningNode;
  readonly target: RunningNode;
}

export class LedgerSources {
  readonly #world: World;
  readonly #chance: Chance;

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.chance(purposes.hosts);
  }

  /** The node `target`, as `reader` reads from it. */
  source(reader: RunningNode, target: RunningNode): CatchUpSource {
    return {
      name: target.name,
      readBatches: (from, to) => this.#readBatches({ reader, target }, { from, to }),
      readSnapshotPart: (name, from) => this.#readSnapshot({ reader, target }, { name, from }),
    };
  }

  async #readBatches(
    ends: Ends,
    range: { readonly from: Seqno; readonly to: Seqno },
  ): Promise<readonly CommittedBody[]> {
    const { target } = ends;
    const isHostile = this.#isHostile(ends);
    const from = isHostile && this.#chance.percent(30) ? this.#elsewhere(range.from) : range.from;
    const part = { to: range.to, bytesMax: answerBytesMax };
    const read = async (): Promise<Uint8Array> =>
      encodeBatches(await readBatches(target.files, from, part));
    const bytes = await this.#answer(ends, () => target.askWorker(read));
    const served = isHostile ? this.#damage(bytes, 'tampered batches') : bytes;
    this.#world.transcript.bytes(served);
    return decodeBatches(served);
  }

  async #readSnapshot(
    ends: Ends,
    part: { readonly name: string; readonly from: number },
  ): Promise<SnapshotPart> {
    const { disk } = ends.target;
    const isHostile = this.#isHostile(ends);
    const read = async (): Promise<Uint8Array> => {
      const names = (await disk.list(snapshotFolder)).filter((name) => /committed$/.test(name));
      if (!names.includes(part.name)) throw unavailable(ends.target);
      // A hostile host has older snapshots, too, and names them as it likes.
      const stale = this.#chance.percent(50) ? names[0] : undefined;
      const name = isHostile && stale !== undefined && stale !== part.name ? stale : part.name;
      if (name !== part.name) this.#world.counts.add('stale snapshot');
      return disk.readFile(`${snapshotFolder}/${name}`, snapshotBytesMax);
    };
    const file = await this.#answer(ends, read);
    const isDamaged = isHostile && this.#chance.percent(50);
    const served = isDamaged ? this.#damage(file, 'tampered snapshot') : file;
    this.#world.counts.add('snapshot part');
    const bytes = served.slice(part.from, part.from + partBytesMax);
    this.#world.transcript.bytes(bytes);
    return { bytes, size: served.length };
  }

  /** One host is hostile; who knows nobody else is not asked to believe it. */
  #isHostile({ reader, target }: Ends): boolean {
    const isAlone = reader.readsFrom.length < 2;
    return target.isHostile && !isAlone && this.#chance.percent(hostilePercent);
  }

  #elsewhere(from: Seqno): Seqno {
    return asSeqno(1 + this.#chance.below(from));
  }

  #damage(bytes: Uint8Array, kind: 'tampered batches' | 'tampered snapshot'): Uint8Array {
    this.#world.counts.add(kind);
    const damaged = bytes.slice();
    const at = this.#chance.below(damaged.length);
    damaged[at] = (damaged[at] as number) ^ (1 << this.#chance.below(8));
    return this.#chance.percent(20) ? damaged.subarray(0, at) : damaged;
  }

  /** Asks over the network; the answer comes late, or not at all. */
  async #answer<Value>({ reader, target }: Ends, ask: () => Promise<Value>): Promise<Value> {
    const { agenda, network } = this.#world;
    await agenda.pause(this.#chance.between(transitMs.low, transitMs.high), nobody);
    const info = nodeInfos.get(target.pipeline.committedState(), reader.nodeId);
    const isServed = info?.status === 'Trusted' && network.passes(reader.id, target.id);
    if (!isServed) throw unavailable(target);
    const late = agenda.pause(answerMsMax, nobody).then(() => {
      throw unavailable(target);
    });
    const value = await Promise.race([ask(), late]);
    if (!network.passes(target.id, reader.id)) throw unavailable(target);
    return value;
  }
}

function unavailable({ name }: RunningNode): LedgerError {
  return replicationError('NodeCannotHandleRequest', `${name} does not answer.`);
}
