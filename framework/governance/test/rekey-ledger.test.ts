import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { equalBytes, fromBase64, present } from '@coco/base';
import { historicalSecretAt, restoreLedgerSecrets } from '../src/issue-recovery-shares.ts';
import { nativeFunctions } from '../src/native-functions.ts';
import { combineShares, type WrappingSecret } from '../src/recovery-share.ts';
import { newestSecret } from '../src/rekey-ledger.ts';
import { historicalSecret, nodeInfos, nodeSecrets } from '../src/tables.ts';
import {
  callNative,
  openDirectly,
  openService,
  removeMember,
  shareOf,
} from './recovery-fixture.ts';
import { createMember, TestService } from './service-fixture.ts';

const rekey = 'node.triggerLedgerRekey';
const refresh = 'node.triggerRecoverySharesRefresh';
const [first, second, owner] = [
  await createMember(),
  await createMember(),
  await createMember('Owner'),
] as const;

/** The chain that a recovery would restore. */
function restored(service: TestService, wrapping: WrappingSecret): unknown {
  return restoreLedgerSecrets(service.store.begin(), wrapping, service.historicalRows);
}

suite('rekey of the ledger', () => {
  test('brings a secret that applies from the next entry, with shares and the chain', async () => {
    const service = await openService([first, owner]);
    for (let count = 2; count <= 4; count++) {
      assert.deepEqual(callNative(service, rekey), [undefined]);
      assert.equal(service.secrets.length, count);
      assert.equal(service.latestSecret().version, service.store.seqno + 1);
      const state = service.store.begin();
      assert.deepEqual(newestSecret(state, service.ports), service.latestSecret());
      const expected = service.latestSecret().version;
      const [seqno] = callNative(service, 'network.getLatestLedgerSecretSeqno');
      assert.equal(seqno, expected);
      for (const member of [first, owner]) {
        const wrapping = combineShares([shareOf(service, member)], 1);
        assert.deepEqual(restored(service, wrapping), service.secrets);
      }
    }
  });

  test('hands the secret to trusted nodes only, for the seqno after', async () => {
    const service = await openService([first]);
    service.write((transaction) => {
      const { id } = service.identity.node;
      const info = present(nodeInfos.get(transaction, id), 'the node has a row');
      nodeInfos.put(transaction, 'a retired node', { ...info, status: 'Retired' });
      nodeInfos.put(transaction, 'a pending node', { ...info, status: 'Pending' });
    });
    callNative(service, rekey);
    const rows = nodeSecrets.require(service.store.begin());
    assert.deepEqual(Object.keys(rows), [service.identity.node.id]);
    const [row, ...more] = rows[service.identity.node.id] ?? [];
    assert.deepEqual(more, []);
    assert.equal(row?.version, null);
    const secret = service.identity.nodeKey.decrypt(fromBase64(row?.encrypted_secret ?? ''));
    assert.ok(equalBytes(secret, service.latestSecret().secret));
  });

  test('several effects in one transaction agree on one new secret', async () => {
    const service = await openService([first, second], 1);
    const before = service.secrets.length;
    callNative(service, rekey, refresh, rekey, refresh);
    assert.equal(service.secrets.length, before + 1);
    const wrapping = combineShares([shareOf(service, second)], 1);
    assert.deepEqual(restored(service, wrapping), service.secrets);
    callNative(service, refresh);
    assert.throws(() => restored(service, wrapping), { code: 'RecoveryShareInvalid' });
    const fresh = combineShares([shareOf(service, second)], 1);
    assert.deepEqual(restored(service, fresh), service.secrets);
  });

  test('is refused before the service opens and in an unfinished recovery', async () => {
    const refused = { code: 'LedgerSecretLocked' };
    const opening = await TestService.start([first]);
    assert.throws(() => callNative(opening, rekey), refused);
    const lost = await openService([first]);
    callNative(lost, rekey);
    const service = await lost.recovered();
    const [seqno] = callNative(service, 'network.getLatestLedgerSecretSeqno');
    assert.equal(seqno, service.latestSecret().version, 'the fresh secret is the newest');
    assert.throws(() => callNative(service, rekey), refused);
    assert.throws(() => callNative(service, refresh), refused);
    openDirectly(service, lost.identity.serviceCertificate);
    assert.throws(() => callNative(service, rekey), refused);
    assert.throws(() => callNative(service, refresh), refused);
    const wrapping = combineShares([shareOf(service, first)], 1);
    assert.deepEqual(restored(service, wrapping), lost.secrets, 'nothing of the lost is lost');
  });

  test('is refused while no member could recover what it encrypts', async () => {
    const service = await openService([first, second], 2);
    service.write((transaction) => removeMember(transaction, second.id));
    const reason =
      'Recovery threshold 2 should be equal to or less than the number of active recovery members 1';
    const impossible = (where: string) => ({
      code: 'RecoverySharesImpossible',
      message: `${where}: ${reason}`,
    });
    assert.throws(() => callNative(service, rekey), impossible('Failed to rekey ledger'));
    const failed = 'Unable to trigger recovery shares refresh';
    assert.throws(() => callNative(service, refresh), impossible(failed));
    assert.equal(service.secrets.length, 1);
  });

  test('a rekey and a refresh take no argument', async () => {
    const service = await openService([first]);
    const transaction = service.store.begin();
    const context = { transaction, ports: service.ports, whenAppended: () => {} };
    for (const path of [rekey, refresh]) {
      const native = present(nativeFunctions.get(path), path);
      assert.throws(() => native(context, [1]), { code: 'InvalidInput' });
    }
    assert.equal(transaction.hasWrites, false);
  });

  test('a transaction on a state before the last rekey knows no newer secret than the state', async () => {
    const service = await openService([first]);
    const early = service.store.begin({ at: service.store.seqno });
    const known = service.latestSecret();
    callNative(service, rekey);
    assert.deepEqual(newestSecret(early, service.ports), known);
    service.secrets = service.secrets.slice(0, 1);
    const state = service.store.begin();
    assert.throws(() => newestSecret(state, service.ports), { code: 'GovernanceRowInvalid' });
  });

  test('the row of a rekey says by its place from where its secret applies', async () => {
    const service = await openService([first]);
    callNative(service, rekey);
    const state = service.store.begin();
    const row = historicalSecret.require(state);
    assert.equal(row.next_version, undefined);
    const bytes = present(state.map(historicalSecret.name).get(new Uint8Array(8)), 'the row');
    assert.equal(historicalSecretAt(bytes, service.store.seqno).next_version, 7);
    assert.equal(service.latestSecret().version, 7);
  });

  test('chunks, snapshots and caches are asked of the node when the entry is appended', async () => {
    const service = await openService([first]);
    const asked = ['node.triggerLedgerChunk', 'node.triggerSnapshot', 'refreshAppBytecodeCache'];
    assert.deepEqual(callNative(service, ...asked), [undefined, undefined, undefined]);
    assert.deepEqual(service.effects, ['chunk', 'snapshot']);
  });
});
