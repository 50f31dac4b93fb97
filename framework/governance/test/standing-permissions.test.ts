import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { encodeJson, type JsonValue, utf8Encode } from '@coco/base';
import { Store } from '@coco/kv';
import { certificateRenewal, parseCertificateRenewal } from '../src/standing-permissions.ts';

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
});
