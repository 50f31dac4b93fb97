import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { actionNames } from '@coco/constitution';
import { findAction } from '../src/actions.ts';
import { validate } from '../src/constitution.ts';
import { certificate } from './memory-ccf.ts';
import { gov, id, openService, proposal } from './service-tables.ts';

const pem = certificate('one');
const notPem = 'must be a valid X509 certificate (bundle) in PEM format';
const validity = 'validity_period_days';
const rsaKey = { kid: 'k', kty: 'RSA', n: 'A'.repeat(342), e: 'AQAB' };
const ecKey = { kid: 'k', kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) };
const jwks = (...keys: readonly unknown[]) => ({
  issuer: 'https://example.issuer',
  jwks: { keys },
});
const endpoint = {
  js_module: 'm.js',
  js_function: 'f',
  mode: 'readonly',
  forwarding_required: 'never',
  authn_policies: ['user_cert', { all_of: ['jwt', 'user_cert'] }],
};
const app = (changes: object, modules: readonly unknown[] = [{ name: 'm.js', module: 'x' }]) => ({
  bundle: { modules, metadata: { endpoints: { '/u': { get: { ...endpoint, ...changes } } } } },
});
const at = 'bundle.metadata.endpoints["/u"]["get"]';

/** Each action with arguments that it refuses, and the sentence; `''` where none is wrong. */
const refusals: readonly (readonly [name: string, args: unknown, sentence: string])[] = [
  ['set_constitution', {}, 'constitution must be of type string but is undefined'],
  ['set_constitution', { constitution: 'nothing' }, 'Function not found'],
  ['set_rules', { rules: [] }, 'rules has not the right form: it must be a JSON object'],
  ['set_member', undefined, 'args must be of type object but is undefined'],
  ['set_member', { cert: 'no' }, `cert ${notPem}`],
  [
    'set_member',
    { cert: pem, member_data: 'x' },
    'member_data must be of type object but is string',
  ],
  ['set_member', { cert: pem, member_data: { roles: 'x' } }, 'member_data.roles must be an array'],
  ['set_member', { cert: pem, member_data: { weight: -1 } }, 'member_data.weight must be a whole'],
  ['set_member', { cert: pem, member_data: { organisation: '' } }, 'member_data.organisation must'],
  [
    'set_member',
    { cert: pem, recovery_role: 'Boss' },
    'recovery_role must be one of NonParticipant,Participant,Owner',
  ],
  [
    'set_member',
    { cert: pem, recovery_role: 'Owner' },
    'Cannot specify a recovery_role value when',
  ],
  ['set_member', { cert: pem, encryption_pub_key: 'x' }, 'encryption_pub_key must be a valid RSA'],
  ['remove_member', { member_id: 'a' }, 'member_id must contain exactly 64 characters'],
  ['remove_member', { member_id: id('g') }, 'member_id contains non-hexadecimal character'],
  [
    'set_member_data',
    { member_id: id('a') },
    'member_data must be of type object but is undefined',
  ],
  [
    'set_member_data',
    { member_id: id('a'), member_data: null },
    'member_data must be of type object',
  ],
  ['set_user', { cert: 7 }, `cert ${notPem}`],
  ['set_user', { cert: pem, user_data: 1 }, 'user_data must be of type object but is number'],
  ['remove_user', { user_id: 'x' }, 'user_id must contain exactly 64 characters'],
  ['set_user_data', { user_id: 3 }, 'user_id must be of type string but is number'],
  ['set_recovery_threshold', { recovery_threshold: 1.5 }, 'threshold must be an integer'],
  ['set_recovery_threshold', { recovery_threshold: 0 }, 'threshold must be greater than 1'],
  ['set_recovery_threshold', { recovery_threshold: 255 }, 'threshold must be lower than 254'],
  ['trigger_recovery_shares_refresh', 'x', 'Proposal does not accept any argument, found "x"'],
  ['trigger_ledger_rekey', 'x', 'Proposal does not accept any argument, found "x"'],
  [
    'transition_service_to_open',
    {},
    'next service identity (PEM certificate) must be of type string',
  ],
  ['transition_service_to_open', { next_service_identity: 'x' }, `next_service_identity ${notPem}`],
  [
    'transition_service_to_open',
    { next_service_identity: pem, previous_service_identity: 'x' },
    `previous_service_identity ${notPem}`,
  ],
  ['set_js_app', {}, 'bundle must be of type object but is undefined'],
  ['set_js_app', { bundle: {} }, 'bundle.modules must be an array'],
  ['set_js_app', app({}, [{ name: 'm.js' }]), 'bundle.modules[0].module must be of type string'],
  ['set_js_app', { bundle: { modules: [] } }, 'bundle.metadata must be of type object'],
  ['set_js_app', app({}, []), "module 'm.js' not found in bundle"],
  ['set_js_app', app({ mode: 'x' }), `${at}.mode must be one of readwrite,readonly,historical`],
  ['set_js_app', app({ forwarding_required: 'x' }), `${at}.forwarding_required must be one of`],
  ['set_js_app', app({ redirection_strategy: 'x' }), `${at}.redirection_strategy must be one of`],
  ['set_js_app', app({ openapi_hidden: 1 }), `${at}.openapi_hidden must be of type boolean`],
  ['set_js_app', app({ authn_policies: [1] }), `${at}.authn_policies[0] must be of type string or`],
  ['set_js_app', app({ authn_policies: [{}] }), `${at}.authn_policies[0].all_of must be an array`],
  ['set_js_runtime_options', {}, 'max_heap_bytes must be an integer'],
  [
    'set_js_runtime_options',
    { max_heap_bytes: 1, max_stack_bytes: 1, max_execution_time_ms: 1, log_exception_details: 1 },
    'log_exception_details must be of type boolean but is number',
  ],
  ['set_ca_cert_bundle', { name: 'n', cert_bundle: 'x' }, `cert_bundle ${notPem}`],
  [
    'set_ca_cert_bundle',
    { name: 'n', cert_bundle: certificate('intermediate') },
    'cert_bundle[0] must be a self-signed (root) CA certificate',
  ],
  ['remove_ca_cert_bundle', {}, 'name must be of type string but is undefined'],
  ['set_jwt_issuer', { issuer: 'http://x' }, 'issuer must be a URL starting with https://'],
  ['set_jwt_issuer', { issuer: 'https://x?q=1' }, 'issuer must be a URL without query/fragment'],
  [
    'set_jwt_issuer',
    { issuer: 'https://x', auto_refresh: true },
    'ca_cert_bundle_name is missing but required if auto_refresh is true',
  ],
  ['set_jwt_public_signing_keys', { issuer: 'x' }, 'jwks must be of type object but is undefined'],
  [
    'set_jwt_public_signing_keys',
    jwks({ kid: 'k', kty: 'oct' }),
    'jwks.keys[0].kty must be one of',
  ],
  ['set_jwt_public_signing_keys', jwks(rsaKey, rsaKey), 'jwks.keys[1].kid must be unique'],
  ['set_jwt_public_signing_keys', jwks({ kid: 'k', kty: 'EC' }), 'JWK must contain either x5c, or'],
  ['set_jwt_public_signing_keys', jwks({ ...rsaKey, n: 'AAAA' }), 'n must be at least 2048 bits'],
  ['set_jwt_public_signing_keys', jwks({ ...rsaKey, alg: 'ES256' }), 'alg must be one of RS256'],
  ['set_jwt_public_signing_keys', jwks({ ...rsaKey, use: 'enc' }), 'use must be one of sig'],
  ['set_jwt_public_signing_keys', jwks({ ...rsaKey, kty: 'EC' }), 'kty must be RSA for n/e keys'],
  ['set_jwt_public_signing_keys', jwks({ ...ecKey, x: 'AAAA' }), 'x must be 32 bytes'],
  ['set_jwt_public_signing_keys', jwks({ ...ecKey, crv: 'P-1' }), 'crv must be one of P-256,P-384'],
  ['set_jwt_public_signing_keys', jwks({ kid: 'k', kty: 'EC', x5c: [] }), 'minimum 1 elements'],
  ['set_jwt_public_signing_keys', jwks({ kid: 'k', kty: 'EC', x5c: ['*'] }), 'must be base64'],
  ['remove_jwt_issuer', {}, 'issuer must be of type string but is undefined'],
  ['add_node_code', {}, 'code_id must be of type string but is undefined'],
  ['remove_node_code', {}, 'code_id must be of type string but is undefined'],
  ['add_snp_measurement', {}, 'measurement must be of type string but is undefined'],
  ['remove_snp_measurement', {}, 'measurement must be of type string but is undefined'],
  [
    'add_snp_uvm_endorsement',
    { did: 'd', feed: 'f' },
    'svn must be of type string but is undefined',
  ],
  ['remove_snp_uvm_endorsement', { did: 'd' }, 'feed must be of type string but is undefined'],
  ['add_snp_host_data', {}, 'security_policy must be of type string but is undefined'],
  [
    'add_snp_host_data',
    { security_policy: 'p', host_data: id('0') },
    `The hash of raw policy 148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940 does not match digest ${id('0')}`,
  ],
  ['remove_snp_host_data', {}, 'host_data must be of type string but is undefined'],
  ['set_snp_minimum_tcb_version', { cpuid: '00A00F11' }, 'cpuid must be a lowercase hex string'],
  ['set_snp_minimum_tcb_version', { cpuid: '00a00f' }, 'cpuid must convert to exactly 4 bytes'],
  [
    'set_snp_minimum_tcb_version',
    { cpuid: '00a00fx1' },
    'Hex string invalid: Non-hex character x1',
  ],
  [
    'set_snp_minimum_tcb_version',
    { cpuid: '00a00f11', tcb_version: { boot_loader: 1, tee: 1, snp: 1 } },
    'tcb_version.microcode must be of type number but is undefined',
  ],
  [
    'set_snp_minimum_tcb_version_hex',
    { cpuid: '00a00f11', tcb_version: 'd3' },
    'tcb_version must convert to exactly 8 bytes',
  ],
  ['remove_snp_minimum_tcb_version', { cpuid: 'a' }, 'Hex string invalid: length must be multiple'],
  ['set_node_data', {}, 'node_id must be of type string but is undefined'],
  ['transition_node_to_trusted', { node_id: id('a') }, 'valid_from must be of type string'],
  [
    'transition_node_to_trusted',
    { node_id: id('a'), valid_from: 'x', [validity]: 0 },
    'validity_period_days must be greater than 1',
  ],
  ['remove_node', { node_id: '' }, 'node_id must contain exactly 64 characters'],
  ['set_node_certificate_validity', { node_id: id('a') }, 'valid_from must be of type string'],
  ['set_all_nodes_certificate_validity', {}, 'valid_from must be of type string but is undefined'],
  [
    'set_all_nodes_certificate_validity',
    { valid_from: 'x', [validity]: '1' },
    'validity_period_days must be an integer',
  ],
  ['set_service_certificate_validity', {}, 'valid_from must be of type string but is undefined'],
  ['set_service_configuration', { consensus: 'x' }, 'Cannot change consensus via set_service_conf'],
  [
    'set_service_configuration',
    { recovery_threshold: 0 },
    'recovery threshold must be greater than',
  ],
  [
    'set_service_configuration',
    { recent_cose_proposals_window_size: 10_001 },
    'recent cose proposals window size must be lower than 10000',
  ],
  ['assert_service_identity', { service_identity: 'x' }, `service_identity ${notPem}`],
  ['assert_service_identity', { service_identity: pem }, 'Service identity certificate mismatch'],
  ['add_virtual_measurement', {}, 'measurement must be of type string but is undefined'],
  ['remove_virtual_measurement', {}, 'measurement must be of type string but is undefined'],
  ['add_virtual_host_data', { host_data: 'x' }, 'metadata must be of type string but is undefined'],
  ['remove_virtual_host_data', {}, 'host_data must be of type string but is undefined'],
  ['set_adapter_settings', { adapter: 'Ethereum!' }, 'adapter must be the name of an adapter'],
  ['set_adapter_settings', { adapter: 'ethereum' }, 'settings must be of type object'],
];
/** Their arguments are not looked at. */
const unchecked = [
  'remove_js_app',
  'refresh_js_app_bytecode_cache',
  'trigger_ledger_chunk',
  'trigger_snapshot',
];

suite('arguments of actions', () => {
  test('each is refused in CCF’s words, with the action and its position', () => {
    for (const [name, args, sentence] of refusals) {
      openService();
      const { valid, description } = validate(proposal(['trigger_snapshot'], [name, args]));
      assert.equal(valid, false, name);
      const begin = `${name} at position 1 failed validation: `;
      assert.ok(description.startsWith(begin), description);
      assert.ok(description.includes(sentence), `${description}\n wanted: ${sentence}`);
      assert.doesNotMatch(description, /\n\s+at /, 'no trace of the engine');
    }
  });

  test('every action has a refusal here, or says that it looks at none', () => {
    const covered = new Set([...refusals.map(([name]) => name), ...unchecked]);
    assert.deepEqual(
      actionNames.filter((name) => !covered.has(name)),
      [],
    );
    for (const name of unchecked) {
      openService();
      assert.deepEqual(validate(proposal([name, 'anything'])), { valid: true, description: '' });
    }
  });

  test('the default actions of CCF and of its virtual platform are all there', () => {
    const ccfNames = readFileSync(join(import.meta.dirname, 'ccf-actions.txt'), 'utf8');
    const names = ccfNames.trim().split(/\s+/);
    assert.equal(names.length, 45);
    assert.deepEqual(
      names.filter((name) => findAction(name) === undefined),
      [],
    );
  });

  test('all that is wrong is told at once', () => {
    openService();
    const { description } = validate(
      proposal(['no_such_action'], ['remove_user', { user_id: 'x' }], ['constructor']),
    );
    assert.equal(
      description,
      'no_such_action: no such action, remove_user at position 1 failed validation: Error: user_id must contain exactly 64 characters, constructor: no such action',
    );
  });

  test('what is no proposal is invalid, not an exception', () => {
    for (const body of ['not json', '[]', 'null', '{}', '{"actions":{}}', '{"actions":[null]}']) {
      const { valid, description } = validate(body);
      assert.equal(valid, false, body);
      assert.match(description, /^The proposal does not parse: /);
    }
    assert.equal(validate('{"actions":[{"args":{}}]}').valid, false);
    assert.equal(validate('{"actions":[]}').valid, true, 'CCF takes a proposal of nothing');
  });

  test('while shares are asked for, those who hold them stay as they are', () => {
    const key = '-----BEGIN PUBLIC KEY-----';
    const cases: readonly (readonly [string, unknown])[] = [
      ['set_member', { cert: pem, encryption_pub_key: key }],
      ['remove_member', { member_id: id('a') }],
      ['set_recovery_threshold', { recovery_threshold: 2 }],
      ['trigger_recovery_shares_refresh', undefined],
      ['trigger_ledger_rekey', undefined],
    ];
    for (const [name, args] of cases) {
      openService([{ id: id('a'), hasKey: true }], 'WaitingForRecoveryShares');
      assert.match(validate(proposal([name, args])).description, /during recovery/, name);
      openService([{ id: id('a'), hasKey: true }], 'Open');
      assert.deepEqual(validate(proposal([name, args])), { valid: true, description: '' }, name);
    }
  });

  test('adapter settings are checked by the node, where it can', () => {
    const ccf = openService();
    const args = { adapter: 'ethereum', settings: { chainId: 0 } };
    assert.equal(validate(proposal(['set_adapter_settings', args])).valid, true);
    Object.assign(ccf.global, {
      coco: {
        checkAdapterSettings: (adapter: string, settings: unknown) => {
          assert.equal(adapter, 'ethereum');
          assert.deepEqual(settings, { chainId: 0 });
          throw new TypeError('chainId must be positive');
        },
      },
    });
    assert.match(
      validate(proposal(['set_adapter_settings', args])).description,
      /chainId must be positive/,
    );
  });

  test('a member’s key in use elsewhere may be absent where the node cannot parse keys', () => {
    const ccf = openService();
    Object.assign(ccf.global.crypto, {
      pubRsaPemToJwk: undefined,
      isValidX509RootCACert: undefined,
    });
    const member = { cert: pem, encryption_pub_key: 'any' };
    assert.equal(validate(proposal(['set_member', member])).valid, true);
    const bundle = { name: 'n', cert_bundle: certificate('intermediate') };
    assert.equal(validate(proposal(['set_ca_cert_bundle', bundle])).valid, true);
    assert.equal(ccf.tables.get(`${gov}.members.certs`)?.size, 3, 'validation writes nothing');
  });
});
