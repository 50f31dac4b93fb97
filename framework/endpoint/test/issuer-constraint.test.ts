import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { agreesWithIssuer, isConstraintOf } from '../src/issuer-constraint.ts';

const entra = 'https://login.microsoftonline.com';

suite('constraints of issuers', () => {
  test('a key is bound to its issuer’s host or a domain above it', () => {
    for (const [issuer, constraint] of [
      ['https://issuer.com', 'https://issuer.com'],
      ['https://issuer.com/path', 'https://issuer.com'],
      ['https://issuer.com/path', 'https://issuer.com/more-path'],
      ['https://subdomain.issuer.com', 'https://issuer.com'],
      ['https://subdomain.issuer.com/more/paths', 'https://issuer.com/path'],
      [`${entra}/common/v2.0`, `${entra}/{tenantid}/v2.0`],
      ['https://127.0.0.1:8000', 'https://127.0.0.1'],
    ] as const) {
      assert.equal(isConstraintOf(issuer, constraint), true, `${issuer} ${constraint}`);
    }
  });

  test('a foreign domain, a subdomain, an address’s end and no URL bind no key', () => {
    for (const [issuer, constraint] of [
      ['', ''],
      ['https://issuer.com', ''],
      ['', 'https://issuer.com'],
      ['https://issuer.com', 'https://issuer.another.com'],
      ['https://issuer.com', 'https://subdomain.issuer.com'],
      ['https://evilissuer.com', 'https://issuer.com'],
      ['https://issuer.com@evil.example', 'https://issuer.com'],
      ['https://evil.example/.issuer.com', 'https://issuer.com'],
      ['https://10.127.0.0.1', 'https://0.0.1'],
      ['issuer.com', 'issuer.com'],
      ['file://issuer.com', 'file://issuer.com'],
    ] as const) {
      assert.equal(isConstraintOf(issuer, constraint), false, `${issuer} ${constraint}`);
    }
  });

  test('outside Entra the issuer is the constraint, and there is no tenant', () => {
    const issuer = 'https://example.issuer';
    assert.equal(agreesWithIssuer({ issuer, tenant: undefined }, issuer), true);
    assert.equal(agreesWithIssuer({ issuer, tenant: issuer }, issuer), false);
    assert.equal(agreesWithIssuer({ issuer: `${issuer}/`, tenant: undefined }, issuer), false);
    assert.equal(agreesWithIssuer({ issuer: `${entra}/t/v2.0`, tenant: 't' }, ''), false);
  });

  test('under Entra the tenant stands first in the issuer’s path', () => {
    const cases: readonly (readonly [
      issuer: string,
      tenant: string | undefined,
      constraint: string,
      agrees: boolean,
    ])[] = [
      [`${entra}/deadbeef/v2.0`, 'deadbeef', `${entra}/{tenantid}/v2.0`, true],
      [`${entra}/deadbeef/v2.0`, 'deadbeef', `${entra}/deadbeef/v2.0`, true],
      [`${entra}/{tenantid}/v2.0`, 'deadbeef', `${entra}/deadbeef/v2.0`, false],
      [`${entra}/deadbeef/v2.0`, undefined, `${entra}/deadbeef/v2.0`, false],
      [`${entra}/{tenantid}/v2.0`, undefined, `${entra}/{tenantid}/v2.0`, false],
      [`${entra}/deadbeef/v2.0`, '', `${entra}/deadbeef/v2.0`, false],
      [`${entra}//v2.0`, '', `${entra}/{tenantid}/v2.0`, false],
      [`${entra}/a/b/v2.0`, 'a/b', `${entra}/{tenantid}/v2.0`, false],
      [`${entra}/other/v2.0`, 'deadbeef', `${entra}/{tenantid}/v2.0`, false],
      [`${entra}/$&/v2.0`, '$&', `${entra}/{tenantid}/v2.0`, true],
      [`${entra}/{tenantid}/v2.0`, '$&', `${entra}/{tenantid}/v2.0`, false],
    ];
    for (const [issuer, tenant, constraint, agrees] of cases) {
      assert.equal(agreesWithIssuer({ issuer, tenant }, constraint), agrees, `${issuer} ${tenant}`);
    }
  });
});
