import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { encodeJson, type JsonValue, utf8Encode } from '@coco/base';
import { Store } from '@coco/kv';
import {
  certificateRenewal,
  nodeReplacement,
  parseCertificateRenewal,
  parseNodeReplacement,
} from '../src/standing-permissions.ts';

suite('standing permissions', () => {
  test('certificate_renewal says for how long and how early', () => {
    const settings = { validity_days: 365, renew_before_days: 30 };
    assert.deepEqual(parseCertificateRenewal(settings), settings);
  });

  test('settings that are missing, unknown or out of range are refused', () => {
    const wrong: readonly JsonValue[] = [
      null,
      [],
      {},
      { validity_days: 365 },
      { validity_days: 0, renew_before_days: 1 },
      { validity_days: 3651, renew_before_days: 30 },
      { validity_days: 30, renew_before_days: 30 },
      { validity_days: 30, renew_before_days: 0 },
      { validity_days: 30.5, renew_before_days: 3 },
      { validity_days: '30', renew_before_days: 3 },
      { validity_days: 30, renew_before_days: 3, quietly: true },
    ];
    for (const value of wrong) {
      assert.throws(() => parseCertificateRenewal(value), { code: 'InvalidInput' });
    }
  });

  test('the row is read by its name, and a damaged one is a fault', () => {
    const store = new Store();
    const state = (value: JsonValue | undefined): ReturnType<Store['begin']> => {
      const transaction = store.begin();
      const map = transaction.map('public:coco.gov.standing_permissions');
      if (value !== undefined) map.set(utf8Encode('certificate_renewal'), encodeJson(value));
      return transaction;
    };
    assert.equal(certificateRenewal(state(undefined)), undefined);
    const settings = { renew_before_days: 3, validity_days: 30 };
    assert.deepEqual(certificateRenewal(state(settings)), settings);
    assert.throws(() => certificateRenewal(state({ validity_days: 30 })), {
      code: 'GovernanceRowInvalid',
    });
  });

  test('node_replacement says for how long a node must be silent', () => {
    for (const silent_minutes of [1, 30, 525_600]) {
      assert.deepEqual(parseNodeReplacement({ silent_minutes }), { silent_minutes });
    }
    const wrong: readonly JsonValue[] = [
      null,
      {},
      { silent_minutes: 0 },
      { silent_minutes: 525_601 },
      { silent_minutes: 1.5 },
      { silent_minutes: '30' },
      { silent_minutes: 30, quietly: true },
    ];
    for (const value of wrong) {
      assert.throws(() => parseNodeReplacement(value), { code: 'InvalidInput' });
    }
    const transaction = new Store().begin();
    assert.equal(nodeReplacement(transaction), undefined);
    const map = transaction.map('public:coco.gov.standing_permissions');
    map.set(utf8Encode('node_replacement'), encodeJson({ silent_minutes: 5 }));
    assert.deepEqual(nodeReplacement(transaction), { silent_minutes: 5 });
  });
});
