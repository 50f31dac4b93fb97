import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parseCertificateTime } from '../src/certificate-time.ts';

const noon = Date.UTC(2026, 0, 1, 12);

suite('the time from which a certificate holds', () => {
  test('is ASN.1’s or Python’s text', () => {
    for (const text of [
      '20260101120000Z',
      '260101120000Z',
      '2026-01-01 12:00:00',
      '2026-01-01 12:00:00.123456',
      '2026-01-01 12:00:00.123456+00:00',
      '2026-01-01T12:00:00Z',
      '2026-01-01 13:30:00+01:30',
      '2026-01-01 07:00:00-05:00',
    ]) {
      assert.equal(parseCertificateTime(text), noon, text);
    }
    assert.equal(parseCertificateTime('491231235959Z'), Date.UTC(2049, 11, 31, 23, 59, 59));
    assert.equal(parseCertificateTime('500101000000Z'), Date.UTC(1950, 0, 1));
  });

  test('that does not exist or has another form is refused', () => {
    for (const text of [
      '',
      'now',
      '20260101120000',
      '2026010112000Z',
      '20260231120000Z',
      '20261301120000Z',
      '20260101240000Z',
      '2026-01-01',
      '2026-02-29 12:00:00',
      '2026-01-01 12:00:60',
      '2026-01-01 12:00:00.1234567',
      '2026-01-01 12:00:00+0100',
      ' 2026-01-01 12:00:00',
      '2026-01-01 12:00:00\n',
      '９９０１０１１２００００Z',
    ]) {
      assert.throws(() => parseCertificateTime(text), { code: 'InvalidInput' }, text);
    }
  });

  test('every second of four centuries reads back', () => {
    const seconds = fc.integer({
      min: Date.UTC(1800, 0, 1) / 1000,
      max: Date.UTC(2200, 0, 1) / 1000,
    });
    fc.assert(
      fc.property(seconds, (second) => {
        const iso = new Date(second * 1000).toISOString();
        const compact = `${iso.slice(0, 19).replace(/\D/g, '')}Z`;
        assert.equal(parseCertificateTime(compact), second * 1000);
        assert.equal(parseCertificateTime(iso.slice(0, 19).replace('T', ' ')), second * 1000);
      }),
    );
  });
});
