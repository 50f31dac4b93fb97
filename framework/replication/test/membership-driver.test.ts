import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NodeId } from '@coco/consensus';
import { replacementTicksMax } from '../src/membership-driver.ts';
import type { ProposedBatch, ReplicaMessage } from '../src/replica-messages.ts';
import { BatchWriter } from './batch-writer.ts';
import { HostNetwork, lastOf } from './host-network.ts';

/** Hosts with what their main threads do: open views, fetch what is lacking, pass office on, end. */
class Service {
  readonly network: HostNetwork;
  readonly #ledger: ProposedBatch[] = [];
  #lines: string[] = [];
  /** Who may not catch up. */
  readonly starved: Set<number> = new Set();

  private constructor(network: HostNetwork) {
    this.network = network;
    network.onMessage = (id, message) => this.#receive(id, message);
  }

  static async start(count: number): Promise<Service> {
    const service = new Service(await HostNetwork.start(count, { keptEntries: 4 }));
    service.trust(...service.network.ids);
    await service.beat(30);
    service.take();
    return service;
  }

  get primary(): number {
    const { network } = this;
    return network.ids.find((id) => !network.cut.has(id) && network.isPrimary(id)) ?? 0;
  }

  /** What the ledger says from now on, on every node. */
  trust(...ids: NodeId[]): void {
    for (const host of this.network.all.values()) host.setTrusted(ids);
  }

  async join(id: number, ...trusted: NodeId[]): Promise<void> {
    await this.network.join(id);
    this.trust(...trusted);
  }

  /** One more batch in the ledger. */
  write(): void {
    const { primary, network } = this;
    this.#propose(primary, (writer) => writer.next(50), network.viewOf(primary));
  }

  beat(count: number): Promise<void> {
    return this.network.beat(count);
  }

  /** What happened since the last time, as the primaries tell of it. */
  take(): string[] {
    return this.#lines.splice(0);
  }

  /** What the members have, the last line of each. */
  async stop(): Promise<void> {
    await this.network.stop();
  }

  #receive(id: number, message: ReplicaMessage): void {
    switch (message.kind) {
      case 'role':
        if (!message.canExecute) return;
        this.#lines.push(`${id} is primary`);
        setImmediate(() => this.#propose(id, (writer) => writer.open(), message.view));
        break;
      case 'configuration': {
        const line = `voters ${message.voters.join(' ')} learners ${message.learners.join(' ')}`;
        if (id === this.primary) this.#lines.push(line.trim());
        break;
      }
      case 'install':
        if (!this.starved.has(id)) void this.#install(id, message.request, message.next);
        break;
      case 'passOn':
        this.#lines.push(`${id} passes on to ${message.to}`);
        this.network.host(id).handOver(message.to).catch(assert.fail);
        break;
      case 'removed':
        if (!this.network.all.has(id)) return;
        this.#lines.push(`${id} ends`);
        void this.network.end(id);
        break;
      default:
    }
  }

  #propose(id: number, make: (writer: BatchWriter) => ProposedBatch, view: number): void {
    const last = this.#ledger.at(-1);
    const batch = make(new BatchWriter(view, last ? lastOf(last) + 1 : 1));
    this.#ledger.push(batch);
    this.network.host(id).propose(batch);
  }

  async #install(id: number, request: number, next: number): Promise<void> {
    const host = this.network.host(id);
    const lacking = this.#ledger.filter(({ firstSeqno }) => firstSeqno >= next);
    const { committedSeqno } = this.network.host(this.primary).status();
    await host.installBatches(
      request,
      lacking.filter((batch) => lastOf(batch) <= committedSeqno),
    );
    await host.installed(request);
  }
}

describe('membership follows the ledger', () => {
  test('a service of one grows to three, one change after another', async () => {
    const service = await Service.start(1);
    for (let count = 0; count < 12; count++) {
      service.write();
      await service.beat(1);
    }
    await service.join(11, 1, 11);
    await service.join(12, 1, 11, 12);
    await service.beat(10);
    assert.deepEqual(service.take(), [
      'voters 1 learners 11',
      'voters 1 learners 11 12',
      'voters 1 11 learners 12',
      'voters 1 11 12 learners',
    ]);
    await service.stop();
  });

  test('a learner that does not catch up never votes', async () => {
    const service = await Service.start(1);
    for (let count = 0; count < 12; count++) {
      service.write();
      await service.beat(1);
    }
    service.starved.add(11);
    await service.join(11, 1, 11);
    await service.beat(60);
    assert.deepEqual(service.take(), ['voters 1 learners 11']);
    await service.stop();
  });

  test('a dead voter is replaced in one change, and the quorum never grows', async () => {
    const service = await Service.start(3);
    const dead = service.network.ids.find((id) => id !== service.primary) ?? 0;
    const rest = service.network.ids.filter((id) => id !== dead);
    await service.network.end(dead);
    await service.join(14, ...rest, 14);
    await service.beat(30);
    const learning = `voters 1 2 3 learners 14`;
    const [first = '', joint = '', last = ''] = service.take();
    assert.equal(first, learning);
    assert.deepEqual(
      new Set(joint.split(' ')),
      new Set(`voters ${dead} ${rest.join(' ')} 14 learners`.split(' ')),
    );
    assert.equal(last, `voters ${rest.join(' ')} 14 learners`);
    await service.stop();
  });

  test('a voter whose replacement never comes is removed in the end', async () => {
    const service = await Service.start(3);
    const dead = service.network.ids.find((id) => id !== service.primary) ?? 0;
    const rest = service.network.ids.filter((id) => id !== dead);
    await service.network.end(dead);
    service.trust(...rest, 14);
    await service.beat(replacementTicksMax - 10);
    assert.deepEqual(service.take(), ['voters 1 2 3 learners 14']);
    await service.beat(40);
    assert.deepEqual(service.take(), [`voters ${rest.join(' ')} learners 14`]);
    await service.stop();
  });

  test('a removed node hears of it and ends, a removed primary passes office on first', async () => {
    const service = await Service.start(3);
    const old = service.primary;
    const rest = service.network.ids.filter((id) => id !== old);
    service.trust(...rest);
    await service.beat(20);
    const lines = service.take();
    const heir = service.primary;
    assert.deepEqual(lines.slice(0, 2), [`${old} passes on to ${heir}`, `${heir} is primary`]);
    assert.ok(lines.includes(`voters ${rest.join(' ')} learners`));
    assert.equal(lines.at(-1), `${old} ends`);
    service.trust(heir);
    await service.beat(20);
    const other = rest.find((id) => id !== heir);
    assert.deepEqual(service.take(), [`voters ${heir} learners`, `${other} ends`]);
    service.trust();
    await service.beat(replacementTicksMax + 10);
    assert.deepEqual(service.take(), [], 'the last one stays');
    await service.stop();
  });

  test('a node that was cut off while it was removed ends when it is back', async () => {
    const service = await Service.start(3);
    const away = service.network.ids.find((id) => id !== service.primary) ?? 0;
    const rest = service.network.ids.filter((id) => id !== away);
    service.network.cut.add(away);
    service.trust(...rest);
    await service.beat(20);
    assert.deepEqual(service.take(), [`voters ${rest.join(' ')} learners`]);
    service.network.cut.clear();
    await service.beat(40);
    assert.deepEqual(service.take(), [`${away} ends`]);
    await service.stop();
  });

  test('what is lost with an office is done by the next one', async () => {
    const service = await Service.start(3);
    const old = service.primary;
    await service.network.join(14);
    // Nobody hears the old primary: its proposal is lost with its office.
    service.network.cut.add(old);
    service.trust(1, 2, 3, 14);
    await service.beat(60);
    service.network.cut.clear();
    await service.beat(30);
    const lines = service.take();
    assert.notEqual(service.primary, old);
    assert.equal(lines.at(-1), 'voters 1 2 3 14 learners');
    await service.stop();
  });

  test('a primary that knows the ledger of old only changes nothing', async () => {
    const service = await Service.start(3);
    const old = service.primary;
    const host = service.network.host(old);
    // Its main thread has not begun the view, as long as it has not proposed in it.
    service.network.onMessage = () => {};
    host.resign();
    await service.network.primary();
    service.trust(1, 2, 3, 14);
    await service.beat(20);
    const leader = service.network.ids.find((id) => service.network.isPrimary(id)) ?? 0;
    const { learners } = service.network.host(leader).status().configuration;
    assert.deepEqual(learners, []);
    await service.stop();
  });
});
