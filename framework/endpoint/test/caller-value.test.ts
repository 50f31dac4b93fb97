import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { utf8Encode } from '@coco/base';
import { createCertificate, parseCertificate, SigningKey } from '@coco/crypto';
import type { Caller } from '../src/caller.ts';
import { callerValue } from '../src/caller-value.ts';

const pem = await createCertificate({
  subject: 'user',
  key: SigningKey.generate('P-256'),
  isAuthority: false,
  notBeforeMs: 0,
  days: 1,
});
const { id, der } = parseCertificate(pem);
const party = { id, data: { role: 'x' }, certificatePem: pem };
const shown = { id, data: { role: 'x' }, cert: pem };
const content = utf8Encode('body');
const message = {
  protectedBytes: content,
  protectedHeader: new Map(),
  unprotectedHeader: new Map(),
  payload: content,
  signature: content,
};
const header = { algorithm: -7, keyId: id, type: undefined, createdAt: 1, proposalId: undefined };
const token: Caller = {
  policy: 'jwt',
  keyIssuer: 'https://issuer',
  header: { alg: 'ES256' },
  payload: { sub: 'a' },
};

suite('the value of a caller', () => {
  const cases: readonly (readonly [Caller, unknown])[] = [
    [{ policy: 'no_auth' }, { policy: 'no_auth' }],
    [
      { policy: 'any_cert', id, certificate: der },
      { policy: 'any_cert', cert: pem },
    ],
    [
      { policy: 'node_cert', id, certificate: der },
      { policy: 'node_cert', id, cert: pem },
    ],
    [
      { policy: 'user_cert', ...party },
      { policy: 'user_cert', ...shown },
    ],
    [
      { policy: 'member_cert', ...party, data: undefined },
      { policy: 'member_cert', ...shown, data: null },
    ],
    [
      token,
      {
        policy: 'jwt',
        jwt: { keyIssuer: 'https://issuer', header: { alg: 'ES256' }, payload: { sub: 'a' } },
      },
    ],
    [
      { policy: 'user_cose_sign1', ...party, message, header, bytes: content },
      { policy: 'user_cose_sign1', ...shown, cose: { content } },
    ],
    [
      { policy: 'active_member_cose_sign1', ...party, message, header, bytes: content },
      { policy: 'active_member_cose_sign1', ...shown, cose: { content } },
    ],
    [
      {
        policy: 'all_of',
        callers: new Map<'jwt' | 'user_cert', Caller>([
          ['jwt', token],
          ['user_cert', { policy: 'user_cert', ...party }],
        ]),
      },
      {
        policy: ['jwt', 'user_cert'],
        jwt: {
          policy: 'jwt',
          jwt: { keyIssuer: 'https://issuer', header: { alg: 'ES256' }, payload: { sub: 'a' } },
        },
        user_cert: { policy: 'user_cert', ...shown },
      },
    ],
  ];
  for (const [caller, expected] of cases) {
    test(`${caller.policy} shows what CCF shows`, () => {
      const value = callerValue(caller);
      // PEM ends with or without a line break by who wrote it.
      const plain = JSON.parse(
        JSON.stringify(value).replaceAll('CERTIFICATE-----\\n"', 'CERTIFICATE-----"'),
      );
      const wanted = JSON.parse(
        JSON.stringify(expected).replaceAll('CERTIFICATE-----\\n"', 'CERTIFICATE-----"'),
      );
      assert.deepEqual(plain, wanted);
    });
  }
});
