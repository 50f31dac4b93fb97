/**
 * Runs a transcript: commands of a cluster, each with the output that is expected (the form of
 * etcd/raft's testdata). A block is a command line, a line `----`, and the lines of what the nodes
 * did, each beginning with the node's id. Lines that begin with # explain.
 *
 * COCO_REWRITE=1 writes what happened into the file; read the difference before you commit it.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { LedgerError } from '@coco/base';
import { sha256 } from '@coco/crypto';
import type { MembershipChange } from '../src/index.ts';
import { Cluster, microtasks } from './cluster.ts';
import { formatConfiguration, formatHandle } from './test-node.ts';

type Command = (cluster: Cluster, words: readonly string[]) => Promise<readonly string[]>;

const seed = 7;
/** Ticks in which Raft can do what it was asked: several heartbeats and an election. */
const ticksToRest = 4;

function numbers(words: readonly string[]): number[] {
  return words.map((word) => {
    const value = Number(word);
    assert.ok(Number.isSafeInteger(value), `${word} is a number`);
    return value;
  });
}

async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action();
    return 'ok';
  } catch (error) {
    if (error instanceof LedgerError) return error.code;
    throw error;
  }
}

/** Runs to rest while the change is under way, and says how it ended. */
async function changeMembership(
  cluster: Cluster,
  at: number,
  change: MembershipChange,
): Promise<readonly string[]> {
  const outcome = codeOf(() => cluster.node(at).replica.proposeMembership(change));
  await cluster.settle();
  await cluster.tick(ticksToRest);
  const isDone = await Promise.race([outcome, microtasks().then(() => 'is pending')]);
  return [`${at} ${change.kind}: ${isDone}`];
}

const commands: Readonly<Record<string, Command>> = {
  /** keep <entries>: how many committed entries Raft's log keeps, for nodes added later */
  async keep(cluster, words) {
    cluster.limits = { keptEntries: numbers(words)[0] ?? 0 };
    return [];
  },
  async start(cluster, words) {
    cluster.start(numbers(words));
    await cluster.settle();
    return [];
  },
  async join(cluster, words) {
    for (const id of numbers(words)) cluster.join(id);
    await cluster.tick(ticksToRest);
    return [];
  },
  async tick(cluster, words) {
    await cluster.tick(numbers(words)[0]);
    return [];
  },
  async elect(cluster) {
    await cluster.untilLeader();
    return [];
  },
  async settle(cluster) {
    await cluster.settle();
    return [];
  },
  /** propose <node> <batches> [bytes] */
  async propose(cluster, words) {
    const [id = 0, count = 1, bytes = 0] = numbers(words);
    const node = cluster.node(id);
    if (!node.canExecute) return [`${id} does not execute`];
    for (let left = count; left > 0; left--) node.propose(node.seal(2, bytes));
    await cluster.settle();
    return [];
  },
  /** Proposes again, byte for byte, what was refused. */
  async 'propose-again'(cluster, words) {
    const node = cluster.node(numbers(words)[0] ?? 0);
    assert.ok(node.refused, 'a batch was refused');
    node.propose(node.refused);
    await cluster.settle();
    return [];
  },
  async 'strip-bodies'(cluster, words) {
    cluster.stripsBodies = words[0] === 'on';
    return [];
  },
  async isolate(cluster, words) {
    for (const id of numbers(words)) cluster.isolated.add(id);
    return [];
  },
  async heal(cluster) {
    cluster.isolated.clear();
    await cluster.tick(ticksToRest);
    return [];
  },
  async stop(cluster, words) {
    for (const id of numbers(words)) cluster.stop(id);
    return [];
  },
  async 'hold-disk'(cluster, words) {
    for (const id of numbers(words)) cluster.node(id).isDiskHeld = true;
    return [];
  },
  async 'release-disk'(cluster, words) {
    for (const id of numbers(words)) {
      cluster.node(id).isDiskHeld = false;
      cluster.node(id).releaseDisk();
    }
    await cluster.settle();
    return [];
  },
  async transfer(cluster, words) {
    const [from = 0, to = 0] = numbers(words);
    const code = await codeOf(() => cluster.node(from).replica.transferLeadership(to));
    await cluster.settle();
    return [`${from} transfer to ${to}: ${code}`];
  },
  async resign(cluster, words) {
    const [id = 0] = numbers(words);
    const code = await codeOf(() => cluster.node(id).replica.resign());
    await cluster.settle();
    return [`${id} resign: ${code}`];
  },
  async read(cluster, words) {
    const [id = 0] = numbers(words);
    const outcome = codeOf(() => cluster.node(id).replica.readIndex());
    await cluster.settle();
    await cluster.tick(ticksToRest);
    const ended = await Promise.race([outcome, microtasks().then(() => 'is pending')]);
    return [`${id} read: ${ended} at ${cluster.node(id).committedSeqno}`];
  },
  /** Names a ledger snapshot of what is committed. */
  async offer(cluster, words) {
    const [id = 0] = numbers(words);
    const { replica, committedSeqno } = cluster.node(id);
    const snapshot = { name: `snapshot_${committedSeqno}`, digest: sha256(new Uint8Array(1)) };
    const { committedSeqno: seqno } = replica.status();
    const code = await codeOf(() => replica.offerSnapshot(snapshot, seqno));
    await cluster.settle();
    return [`${id} offer: ${code}`];
  },
  /** Where Raft's log begins and ends. */
  async log(cluster, words) {
    return numbers(words).map((id) => {
      const { firstIndex, lastIndex } = cluster.node(id).replica.status().raft;
      return `${id} log ${firstIndex} to ${lastIndex}`;
    });
  },
  async 'add-learner'(cluster, words) {
    const [at = 0, id = 0] = numbers(words);
    return await changeMembership(cluster, at, { kind: 'addLearner', id });
  },
  async promote(cluster, words) {
    const [at = 0, id = 0] = numbers(words);
    return await changeMembership(cluster, at, { kind: 'promote', id });
  },
  async remove(cluster, words) {
    const [at = 0, id = 0] = numbers(words);
    return await changeMembership(cluster, at, { kind: 'remove', id });
  },
  async replace(cluster, words) {
    const [at = 0, removed = 0, added = 0] = numbers(words);
    return await changeMembership(cluster, at, { kind: 'replace', added, removed });
  },
  /** What each node has flushed and how much of it is committed. */
  async ledgers(cluster) {
    return [...cluster.nodes.values()].map((node) => {
      const batches = node.durable.map(({ handle }) => formatHandle(handle)).join(' ');
      return `${node.id} holds ${batches || 'nothing'}, committed ${node.committedSeqno}`;
    });
  },
  async status(cluster, words) {
    return numbers(words).map((id) => {
      const { office, configuration, inFlight } = cluster.node(id).replica.status();
      const members = formatConfiguration(configuration);
      return `${id} is ${office.role} in view ${office.view}, ${members}, ${inFlight.batches} in flight`;
    });
  },
};

/** Runs the file against a new cluster. The checkers run along. */
export async function runTranscript(file: URL): Promise<Cluster> {
  const expected = readFileSync(file, 'utf8');
  const cluster = new Cluster({ seed });
  const actual: string[] = [];
  const lines = expected.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (line === '' || line.startsWith('#')) {
      actual.push(line);
      continue;
    }
    actual.push(line, '----', ...(await run(cluster, line)));
    while (at + 1 < lines.length && lines[at + 1] !== '') at += 1;
  }
  const text = actual.join('\n');
  if (process.env.COCO_REWRITE === '1') writeFileSync(file, text);
  else assert.equal(text, expected);
  return cluster;
}

async function run(cluster: Cluster, line: string): Promise<readonly string[]> {
  const [name = '', ...words] = line.split(' ');
  const command = commands[name];
  assert.ok(command, `${name} is a command`);
  const result = await command(cluster, words);
  return [...cluster.takeLines(), ...result];
}
