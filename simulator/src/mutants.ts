/**
 * Mistakes that a maintainer could make in production's code, as changes of its text: a run with
 * one of them must fail. What survives shows that a checker, or a fault, is missing. The text to
 * change stands in its file exactly once, so that a mutant cannot fade away unnoticed.
 */

export interface Patch {
  /** Relative to the repository's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  readonly patches: readonly Patch[];
  /** Why it does no harm on one node, where it does none. */
  readonly harmlessAlone?: string;
}

/** Sizes of networks in which it must be caught. */
export function nodeCountsOf({ harmlessAlone }: Mutant): readonly number[] {
  return harmlessAlone === undefined ? [1, 3] : [3];
}

const sequencer = 'framework/ledger/src/sequencer.ts';
const replicatedState = 'framework/replication/src/replicated-state.ts';
const replicaHost = 'framework/replication/src/replica-host.ts';
const patientDisk = 'framework/ledger/src/patient-disk.ts';
const nodeOffice = 'framework/replication/src/node-office.ts';
const openSnapshot = 'framework/replication/src/open-snapshot.ts';
const trustedNode = 'framework/governance/src/trusted-node.ts';

/** A batch that Raft refused is thrown away, and the office goes on as if nothing had been. */
const dropQuietly: Patch = {
  file: replicaHost,
  find: '      this.#replica.resign();\n    }\n  }',
  replace: [
    '      const office = this.#office;',
    '      if (!office) return;',
    '      this.#onRole({ ...office, canExecute: false });',
    '      this.#onRole(office);',
    '    }',
    '  }',
  ].join('\n'),
};

export const mutants: readonly Mutant[] = [
  {
    name: 'acknowledge before flush',
    patches: [
      {
        file: 'framework/ledger/src/ledger-files.ts',
        find: [
          '  flush(): Promise<void> {',
          '    return this.#write(async () => {',
          '      if (this.#open) await this.#open.file.datasync();',
        ].join('\n'),
        replace: '  flush(): Promise<void> {\n    return this.#write(async () => {',
      },
    ],
  },
  {
    name: 'acknowledge before the file has a durable name',
    patches: [
      {
        file: 'framework/ledger/src/ledger-files.ts',
        find: '    if (!this.#isFolderDirty) return;',
        replace: '    return;',
      },
    ],
  },
  {
    name: 'trust a flush that failed once for want of room',
    patches: [
      {
        file: patientDisk,
        find: '      if (this.#mayBeLost) await this.#writeAgain();\n',
        replace: '',
      },
    ],
  },
  {
    name: 'go on after a write that had no room',
    patches: [
      {
        file: patientDisk,
        find: '        await attendant.meanwhile(this.#again());\n',
        replace:
          '        await attendant.meanwhile(this.#again());\n        return undefined as Value;\n',
      },
    ],
  },
  {
    name: 'send before save',
    harmlessAlone: 'one node sends nothing',
    patches: [
      {
        file: 'framework/consensus/src/ready-loop.ts',
        find: '      await durable(ports.persist(change.batches, change.truncateFrom));',
        replace: [
          '      const saved = durable(ports.persist(change.batches, change.truncateFrom));',
          '      for (const message of ready.messages) outbox.send(message);',
          '      await saved;',
        ].join('\n'),
      },
    ],
  },
  {
    name: 'skip the digest check',
    harmlessAlone: 'no body comes from another node',
    patches: [
      {
        file: 'framework/consensus/src/inbox.ts',
        find: '    const key = toHex(digestOf(body));\n    if (named.get(key)?.bodyBytes !== body.length) return undefined;\n    matched.set(key, body);',
        replace: [
          '    for (const [key, handle] of named) {',
          '      if (handle.bodyBytes === body.length) matched.set(key, body);',
          '    }',
        ].join('\n'),
      },
    ],
  },
  {
    name: 'execute a dropped batch anew',
    harmlessAlone: 'Raft drops a proposal only while it hands office over',
    patches: [dropQuietly],
  },
  {
    name: 'execute a dropped batch anew, with production’s own assertions gone',
    harmlessAlone: 'Raft drops a proposal only while it hands office over',
    patches: [
      dropQuietly,
      {
        file: sequencer,
        find: "    assert(\n      view >= this.#view && view > this.#lastView(),\n      'a new view is higher than every old one',\n    );\n",
        replace: '',
      },
      {
        file: 'framework/ledger/src/nonce-guard.ts',
        find: "    assert(\n      id.view === mark.view && id.seqno > mark.seqno,\n      'a (ledger secret, view, seqno) encrypts one content only',\n    );\n",
        replace: '',
      },
      {
        file: 'framework/endpoint/src/transaction-status.ts',
        find: "    assert(!last || view > last.view, 'views rise');\n",
        replace: '',
      },
    ],
  },
  {
    name: 'forget the rollback hook of adapters',
    patches: [
      {
        file: replicatedState,
        find: '    for (const observer of this.#observers) observer.rolledBack(this.#committed);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'forget to roll the statuses back',
    patches: [
      {
        file: replicatedState,
        find: '    this.tracker.rolledBack(this.#committed);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'forget to roll the ledger secrets back',
    patches: [{ file: sequencer, find: '    this.#secrets.rollback(to);\n', replace: '' }],
  },
  {
    name: 'answer current reads without a quorum',
    harmlessAlone: 'nobody can have taken office from one node',
    patches: [
      {
        file: replicaHost,
        find: '    return this.#replica.readIndex();',
        replace: '    return Promise.resolve();',
      },
    ],
  },
  {
    name: 'go on executing after office is lost',
    harmlessAlone: 'nobody else executes meanwhile',
    patches: [
      {
        file: nodeOffice,
        find: '    const isSameOffice = canExecute && view === pipeline.view;',
        replace: '    const isSameOffice = pipeline.isInOffice;',
      },
    ],
  },
  {
    name: 'write what waited without checking what it read',
    patches: [
      {
        file: 'framework/replication/src/batch-pipeline.ts',
        find: "    if (!this.isCurrent(tracked)) return 'conflict';\n",
        replace: '',
      },
    ],
  },
  {
    name: 'execute before the view is opened',
    patches: [
      {
        file: 'framework/replication/src/batch-pipeline.ts',
        find: '    if (opensView) this.#endBatch(0);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'forget what consensus replaces in the files',
    harmlessAlone: 'a log of one node is never replaced',
    patches: [
      {
        file: replicaHost,
        find: '    if (truncateFrom !== undefined) {',
        replace: '    if (truncateFrom === 0) {',
      },
    ],
  },
  {
    name: 'apply a batch on a backup without its signature’s tree',
    harmlessAlone: 'there is no backup',
    patches: [
      {
        file: replicatedState,
        find: '    this.#endBatch(signature.treeBytes, last);\n',
        replace:
          '    this.#store.skip(last);\n    this.#store.seal();\n    this.tracker.executed(last);\n',
      },
    ],
  },
  {
    name: 'give secrets to a Pending node',
    harmlessAlone: 'a run of one node lets nobody in',
    patches: [
      {
        file: trustedNode,
        find: "  const isTrusted = info?.status === 'Trusted';\n",
        replace: '  const isTrusted = info !== undefined;\n',
      },
      {
        file: trustedNode,
        find: 'if (!isTrusted || endorsedCertificatePem === undefined || raftId === undefined)',
        replace: 'if (!isTrusted || raftId === undefined)',
      },
    ],
  },
  {
    name: 'accept a stale snapshot',
    harmlessAlone: 'nobody serves one node a snapshot',
    patches: [
      {
        file: 'framework/replication/src/ledger-installer.ts',
        find: '      if (equalBytes(sha256(file), ledgerSnapshot.digest)) return file;',
        replace: '      if (file.length > 0) return file;',
      },
      {
        file: openSnapshot,
        find: '  if (digest && !equalBytes(sha256(file), digest)) {',
        replace: '  if (digest?.length === 0) {',
      },
      { file: openSnapshot, find: '  if (!isNamed) {', replace: '  if (!name) {' },
    ],
  },
  {
    name: 'promote a learner that is behind',
    harmlessAlone: 'a run of one node lets nobody in',
    patches: [
      {
        file: 'framework/replication/src/membership-step.ts',
        find: [
          '      peer.isRecentlyActive &&',
          "      peer.state === 'replicate' &&",
          '      peer.match + promotionEntriesMax >= commit,',
        ].join('\n'),
        replace: '      peer.isRecentlyActive,',
      },
    ],
  },
  {
    name: 'remove two voters at once',
    harmlessAlone: 'there are no two voters',
    patches: [
      {
        file: 'framework/consensus/src/configuration.ts',
        find: '      return [{ type: removeNode, id: change.id }];',
        replace: '      return [0, 1].map((more) => ({ type: removeNode, id: change.id + more }));',
      },
    ],
  },
  {
    name: 'forget a retired node’s cut-off',
    harmlessAlone: 'nobody is retired',
    patches: [
      {
        file: 'framework/node/src/members-follower.ts',
        find: "    const isGone = info.status === 'Pending' || info.retired_committed === true;",
        replace: "    const isGone = info.status === 'Pending';",
      },
    ],
  },
  {
    name: 'forget to tell who was removed',
    harmlessAlone: 'nobody is removed',
    patches: [
      {
        file: 'framework/consensus/src/ready-loop.ts',
        find: '      this.#tellRemoved(before);\n',
        replace: '',
      },
      {
        file: 'framework/consensus/src/inbox.ts',
        find: '    this.#tellRemoved(from);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'take a part of the ledger for the whole',
    harmlessAlone: 'one node catches up with nobody',
    patches: [
      {
        file: 'framework/replication/src/ledger-installer.ts',
        find: '      if (next > target) return;',
        replace: '      if (next > 0) return;',
      },
    ],
  },
  {
    name: 'take one ledger fewer for enough to recover from',
    harmlessAlone: 'the one ledger is all there is',
    patches: [
      {
        file: 'framework/recovery/src/judge-copies.ts',
        find: 'unseenCount <= seenCount;',
        replace: 'unseenCount <= seenCount + 1;',
      },
    ],
  },
  {
    name: 'name files of the service before while a recovery may yet be discarded',
    patches: [
      {
        file: 'framework/ledger/src/ledger-files.ts',
        find: '        if (this.#isRecovery && !chunk.name.isRecovery) break;\n',
        replace: '',
      },
    ],
  },
];
