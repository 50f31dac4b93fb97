/**
 * Members come, go, and change the threshold, at random: whatever they do, the newest ledger secret
 * is open to the active recovery members as the threshold says, and to nobody else.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fromBase64, present } from '@coco/base';
import fc from 'fast-check';
import { restoreLedgerSecrets } from '../src/issue-recovery-shares.ts';
import { nativeFunctions } from '../src/native-functions.ts';
import { combineShares, isFullKey, unwrapLedgerSecret } from '../src/recovery-share.ts';
import type { Share } from '../src/shamir.ts';
import {
  memberCertificates,
  memberEncryptionKeys,
  memberInfos,
  recoveryShares,
  serviceConfig,
} from '../src/tables.ts';
import {
  callNative,
  openService,
  removeMember,
  shareOf,
  writeWithEffects,
} from './recovery-fixture.ts';
import { createMember, type TestMember, type TestService } from './service-fixture.ts';

const rekey = 'node.triggerLedgerRekey';
const refresh = 'node.triggerRecoverySharesRefresh';
const starters = [await createMember(), await createMember(), await createMember('Owner')] as const;

/** Shares as they were issued once: what their holders can open for ever. */
interface Issue {
  readonly wrapped: Uint8Array;
  readonly threshold: number;
  readonly shares: ReadonlyMap<string, Share>;
}

/** Whether these members together open what was wrapped, and what. */
function openedBy(issue: Issue, holders: Iterable<string>): Uint8Array | undefined {
  const shares = [...holders].flatMap((id) => issue.shares.get(id) ?? []);
  const isEnough = shares.length >= issue.threshold || shares.some(isFullKey);
  if (!isEnough) return undefined;
  return unwrapLedgerSecret(combineShares(shares, issue.threshold), issue.wrapped);
}

const candidates = [
  ...starters,
  ...(await Promise.all(
    ['Participant', 'Participant', 'Owner'].map((role) =>
      createMember(role as 'Participant' | 'Owner'),
    ),
  )),
  await createMember('NonParticipant'),
];
const which = fc.nat({ max: candidates.length - 1 });
const change = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), which }),
  fc.record({ kind: fc.constant('remove' as const), which }),
  fc.record({ kind: fc.constant('threshold' as const), which }),
  fc.record({ kind: fc.constant('rekey' as const), which }),
);
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;

class Consortium {
  readonly service: TestService;
  readonly active = new Map<string, TestMember>();
  readonly issues: Issue[] = [];
  #knownRow = '';

  constructor(service: TestService, members: readonly TestMember[]) {
    this.service = service;
    for (const member of members) this.active.set(member.id, member);
    this.note();
  }

  of(role: string): readonly TestMember[] {
    return [...this.active.values()].filter((member) => member.role === role);
  }

  get threshold(): number {
    return serviceConfig.require(this.service.store.begin()).recovery_threshold;
  }

  /** Carries a change out as the default actions do, or leaves it where they refuse it. */
  async apply({ kind, which: index }: Change): Promise<void> {
    const { service } = this;
    const member = present(candidates[index], 'the index is in range');
    if (kind === 'rekey') callNative(service, rekey);
    if (kind === 'threshold') this.#setThreshold(1 + (index % 4));
    if (kind === 'add' && !this.active.has(member.id)) await this.#add(member);
    if (kind === 'remove' && this.active.has(member.id)) this.#remove(member);
    this.note();
  }

  async #add(member: TestMember): Promise<void> {
    this.service.write((transaction) => {
      memberCertificates.put(transaction, member.id, member.certificatePem);
      const { encryptionKey, role } = member;
      if (encryptionKey) memberEncryptionKeys.put(transaction, member.id, encryptionKey.publicPem);
      memberInfos.put(transaction, member.id, { status: 'Accepted', recovery_role: role });
    });
    assert.equal((await this.service.acknowledge(member)).status, 204);
    this.active.set(member.id, member);
  }

  #remove(member: TestMember): void {
    if (this.active.size === 1) return;
    const after = (role: string): number =>
      this.of(role).filter(({ id }) => id !== member.id).length;
    const isPossible = this.threshold <= (after('Participant') || Math.min(1, after('Owner')));
    if (!isPossible) {
      assert.throws(() => this.#removeAndRekey(member), { code: 'RecoverySharesImpossible' });
      return;
    }
    this.#removeAndRekey(member);
    this.active.delete(member.id);
  }

  #removeAndRekey(member: TestMember): void {
    writeWithEffects(this.service, (context) => {
      removeMember(context.transaction, member.id);
      return present(nativeFunctions.get(rekey), rekey)(context, []) ?? true;
    });
  }

  #setThreshold(threshold: number): void {
    const { service } = this;
    const isPossible = threshold <= (this.of('Participant').length || 1);
    const change = (): unknown =>
      writeWithEffects(service, (context) => {
        const { transaction } = context;
        const config = serviceConfig.require(transaction);
        serviceConfig.put(transaction, { ...config, recovery_threshold: threshold });
        return present(nativeFunctions.get(refresh), refresh)(context, []) ?? true;
      });
    if (isPossible) change();
    else assert.throws(change, { code: 'RecoverySharesImpossible' });
  }

  /** Keeps what everybody was given, if it is new. */
  note(): void {
    const row = recoveryShares.require(this.service.store.begin());
    if (row.wrapped_latest_ledger_secret === this.#knownRow) return;
    this.#knownRow = row.wrapped_latest_ledger_secret;
    const shares = new Map<string, Share>();
    for (const id of Object.keys(row.encrypted_shares)) {
      shares.set(id, shareOf(this.service, present(this.active.get(id), 'only the active hold')));
    }
    const wrapped = fromBase64(row.wrapped_latest_ledger_secret);
    this.issues.push({ wrapped, threshold: this.threshold, shares });
  }

  check(): void {
    const { secret } = this.service.latestSecret();
    const issue = present(this.issues.at(-1), 'shares were issued');
    const participants = this.of('Participant').map(({ id }) => id);
    const owners = this.of('Owner').map(({ id }) => id);
    assert.deepEqual([...issue.shares.keys()].sort(), [...participants, ...owners].sort());
    assert.equal(issue.threshold, this.threshold);
    for (const id of owners) assert.deepEqual(openedBy(issue, [id]), secret);
    for (const chosen of subsets(participants)) {
      const opened = openedBy(issue, chosen);
      assert.equal(opened !== undefined, chosen.length >= issue.threshold);
      if (opened) assert.deepEqual(opened, secret);
    }
    const left = candidates.filter(({ id }) => !this.active.has(id)).map(({ id }) => id);
    for (const old of this.issues) {
      const opened = openedBy(old, left);
      if (opened) assert.notDeepEqual(opened, secret, 'who left opens nothing newer');
    }
  }
}

function subsets(ids: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: 2 ** ids.length }, (_, bits) =>
    ids.filter((_id, at) => (bits >> at) % 2 === 1),
  );
}

suite('recovery shares as the consortium changes', () => {
  test('the active recovery members, and nobody who left, open the newest secret', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), async (changes) => {
        const consortium = new Consortium(await openService(starters, 2), starters);
        for (const one of changes) {
          await consortium.apply(one);
          consortium.check();
        }
        const { service, threshold } = consortium;
        const role = consortium.of('Participant').length > 0 ? 'Participant' : 'Owner';
        const shares = consortium.of(role).map((member) => shareOf(service, member));
        const wrapping = combineShares(shares, threshold);
        const state = service.store.begin();
        const chain = restoreLedgerSecrets(state, wrapping, service.historicalRows);
        assert.deepEqual(chain, service.secrets);
      }),
      { numRuns: 25 },
    );
  });
});
