import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LogFields, ManualClock } from '@coco/base';
import { createCertificate, SigningKey } from '@coco/crypto';
import { watchCertificates } from '../src/certificate-watch.ts';

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 0, 1);

test('a node warns daily once a fifth of a certificate’s life is left', async () => {
  const pem = await createCertificate({
    subject: 'CCF Node',
    key: SigningKey.generate('P-256'),
    isAuthority: false,
    notBeforeMs: startMs,
    days: 100,
  });
  const clock = new ManualClock(startMs);
  const warnings: LogFields[] = [];
  const stop = watchCertificates({
    clock,
    log: {
      write: (level, event, fields = {}) => {
        assert.equal(`${level} ${event}`, 'warning certificate.ending');
        warnings.push(fields);
      },
    },
    certificates: () => new Map([['node', pem]]),
  });
  clock.advance(79 * dayMs);
  assert.deepEqual(warnings, []);
  clock.advance(3 * dayMs);
  assert.deepEqual(warnings, [
    { owner: 'node', daysLeft: 19 },
    { owner: 'node', daysLeft: 18 },
    { owner: 'node', daysLeft: 17 },
  ]);
  stop();
  clock.advance(10 * dayMs);
  assert.equal(warnings.length, 3);
});
