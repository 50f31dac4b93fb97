import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { apply } from '../src/constitution.ts';
import { certificate, idOf, type MemoryCcf } from './memory-ccf.ts';
import { coco, gov, id, openService, proposal } from './service-tables.ts';

const pem = certificate('new');
const key = '-----BEGIN PUBLIC KEY-----';
const own = id('1');
const run = (...actions: readonly (readonly [name: string, args?: unknown])[]): void =>
  apply(proposal(...actions), own);

function withOpenProposals(ccf: MemoryCcf): void {
  for (const other of [own, id('2')]) {
    ccf.putJson(`${gov}.proposals_info`, { state: 'Open', proposer_id: id('a') }, other);
  }
  ccf.putJson(`${gov}.proposals_info`, { state: 'Rejected' }, id('3'));
}

function states(ccf: MemoryCcf): unknown[] {
  return Object.values(ccf.json(`${gov}.proposals_info`)).map((info) => Object(info).state);
}

suite('actions on members and users', () => {
  test('set_member accepts a member, with what it has to acknowledge', () => {
    const ccf = openService();
    run(['set_member', { cert: pem, encryption_pub_key: key, member_data: { weight: 2 } }]);
    const member = idOf(pem);
    assert.equal(ccf.text(`${gov}.members.certs`)[member], pem);
    assert.equal(ccf.text(`${gov}.members.encryption_public_keys`)[member], key);
    assert.deepEqual(ccf.json(`${gov}.members.info`)[member], {
      member_data: { weight: 2 },
      status: 'Accepted',
    });
    assert.deepEqual(ccf.json(`${gov}.members.acks`)[member], { state_digest: '' });
    ccf.putJson('public:ccf.internal.signatures', { root: 'aa' });
    run(['set_member', { cert: pem }]);
    assert.deepEqual(ccf.json(`${gov}.members.acks`)[member], { state_digest: 'aa' });
    assert.deepEqual(ccf.text(`${gov}.members.encryption_public_keys`), {}, 'the key is gone');
  });

  test('remove_member leaves nothing of it, and rekeys when it held a share', () => {
    const members = ['a', 'b', 'c'].map((digit) => ({ id: id(digit), hasKey: digit !== 'c' }));
    const ccf = openService(members);
    run(['remove_member', { member_id: id('c') }]);
    assert.deepEqual(ccf.calls, [], 'it held no share');
    run(['remove_member', { member_id: id('b') }]);
    assert.deepEqual(ccf.calls, [['triggerLedgerRekey']]);
    for (const table of ['info', 'certs', 'encryption_public_keys']) {
      assert.deepEqual(Object.keys(ccf.text(`${gov}.members.${table}`)), [id('a')], table);
    }
    run(['remove_member', { member_id: id('b') }]);
    assert.throws(
      () => run(['remove_member', { member_id: id('a') }]),
      /Number of active recovery members \(0\) would be less than recovery threshold \(1\)/,
    );
  });

  test('set_member_data replaces the data and keeps the rest', () => {
    const ccf = openService();
    run(['set_member_data', { member_id: id('a'), member_data: { name: 'A' } }]);
    const info = ccf.json(`${gov}.members.info`)[id('a')];
    assert.deepEqual(info, { status: 'Active', member_data: { name: 'A' } });
    assert.throws(
      () => run(['set_member_data', { member_id: id('d'), member_data: {} }]),
      /Member d{64} does not exist/,
    );
  });

  test('users come, change and go', () => {
    const ccf = openService();
    const user = idOf(pem);
    run(['set_user', { cert: pem, user_data: { name: 'u' } }]);
    assert.equal(ccf.text(`${gov}.users.certs`)[user], pem);
    assert.deepEqual(ccf.json(`${gov}.users.info`)[user], { user_data: { name: 'u' } });
    run(['set_user_data', { user_id: user, user_data: { name: 'v' } }]);
    assert.deepEqual(ccf.json(`${gov}.users.info`)[user], { user_data: { name: 'v' } });
    run(['set_user_data', { user_id: user }]);
    assert.deepEqual(ccf.json(`${gov}.users.info`), {});
    run(['remove_user', { user_id: user }]);
    assert.deepEqual(ccf.text(`${gov}.users.certs`), {});
  });
});

suite('actions on the service', () => {
  test('a new recovery threshold is written, and shares are issued for it', () => {
    const ccf = openService(['a', 'b'].map((digit) => ({ id: id(digit), hasKey: true })));
    run(['set_recovery_threshold', { recovery_threshold: 2 }]);
    assert.deepEqual(ccf.json(`${gov}.service.config`)[''], { recovery_threshold: 2 });
    assert.deepEqual(ccf.calls, [['triggerRecoverySharesRefresh']]);
    run(['set_service_configuration', { recent_cose_proposals_window_size: 9 }]);
    assert.deepEqual(ccf.json(`${gov}.service.config`)[''], {
      recovery_threshold: 2,
      recent_cose_proposals_window_size: 9,
    });
    assert.equal(ccf.calls.length, 1, 'the same threshold needs no new shares');
    assert.throws(
      () => run(['set_recovery_threshold', { recovery_threshold: 3 }]),
      /Cannot set recovery threshold to 3: recovery threshold would be greater than the number of recovery members 2/,
    );
    run(['set_service_configuration', { reconfiguration_type: 'TwoTransaction' }]);
    assert.throws(
      () => run(['set_service_configuration', { reconfiguration_type: 'OneTransaction' }]),
      /Cannot change reconfiguration type from TwoTransaction to OneTransaction\./,
    );
  });

  test('shares, rekey, chunk and snapshot are asked of the node', () => {
    const ccf = openService();
    run(
      ['trigger_recovery_shares_refresh'],
      ['trigger_ledger_rekey'],
      ['trigger_ledger_chunk'],
      ['trigger_snapshot'],
    );
    assert.deepEqual(
      ccf.calls.map(([name]) => name),
      [
        'triggerRecoverySharesRefresh',
        'triggerLedgerRekey',
        'triggerLedgerChunk',
        'triggerSnapshot',
      ],
    );
  });

  test('opening hands both identities to the node, and recovery demands both', () => {
    const opening = openService(undefined, 'Opening');
    run(['transition_service_to_open', { next_service_identity: pem }]);
    assert.deepEqual(opening.calls, [['transitionServiceToOpen', undefined, pem]]);
    const recovering = openService(undefined, 'Recovering');
    assert.throws(
      () => run(['transition_service_to_open', { next_service_identity: pem }]),
      /requires both, the previous and the next service identity/,
    );
    const previous = certificate('old');
    const args = { next_service_identity: pem, previous_service_identity: previous };
    run(['transition_service_to_open', args]);
    run(['transition_service_to_open', { ...args, recovered_to: '2.9' }]);
    assert.deepEqual(recovering.calls, [
      ['transitionServiceToOpen', previous, pem],
      ['transitionServiceToOpen', previous, pem, '2.9'],
    ]);
  });

  test('certificates of service and nodes are made for as long as the service allows', () => {
    const ccf = openService();
    run(['set_service_certificate_validity', { valid_from: 'now', validity_period_days: 3 }]);
    assert.deepEqual(ccf.json(`${gov}.service.info`)[''], {
      cert: 'service from now for 3',
      status: 'Open',
    });
    run(['set_service_certificate_validity', { valid_from: 'now' }]);
    assert.equal(Object(ccf.json(`${gov}.service.info`)['']).cert, 'service from now for 365');
    assert.throws(
      () =>
        run(['set_service_certificate_validity', { valid_from: 'x', validity_period_days: 366 }]),
      /Validity period 366 \(days\) is not allowed: service max allowed is 365 \(days\)/,
    );
  });

  test('what the service lacks is said', () => {
    const ccf = openService();
    ccf.tables.delete(`${gov}.service.config`);
    assert.throws(
      () => run(['set_service_configuration', { recovery_threshold: 1 }]),
      /Service configuration could not be found/,
    );
    ccf.tables.delete(`${gov}.service.info`);
    assert.throws(
      () => run(['set_recovery_threshold', { recovery_threshold: 1 }]),
      /Service information could not be found/,
    );
  });
});

suite('actions on nodes and the join policy', () => {
  const pending = { status: 'Pending', certificate_signing_request: 'csr', node_data: 1 };

  test('a pending node becomes trusted once, with a certificate', () => {
    const ccf = openService();
    ccf.putJson(`${gov}.nodes.info`, pending, id('e'));
    const args = { node_id: id('e'), valid_from: 'now', validity_period_days: 5 };
    run(['transition_node_to_trusted', args]);
    const trusted = { ...pending, status: 'Trusted', ledger_secret_seqno: 7 };
    assert.deepEqual(ccf.json(`${gov}.nodes.info`)[id('e')], trusted);
    const certificates = ccf.text(`${gov}.nodes.endorsed_certificates`);
    assert.equal(certificates[id('e')], 'csr from now for 5');
    run(['transition_node_to_trusted', { ...args, valid_from: 'later' }]);
    assert.deepEqual(ccf.text(`${gov}.nodes.endorsed_certificates`), certificates);
    assert.throws(
      () => run(['transition_node_to_trusted', { ...args, node_id: id('f') }]),
      /No such node: f{64}/,
    );
  });

  test('nodes are renewed, told data, and removed', () => {
    const ccf = openService();
    ccf.putJson(`${gov}.nodes.info`, { ...pending, status: 'Trusted' }, id('e'));
    ccf.putJson(`${gov}.nodes.info`, pending, id('f'));
    run(['set_all_nodes_certificate_validity', { valid_from: 'all' }]);
    run(['set_node_data', { node_id: id('f'), node_data: { rack: 2 } }]);
    assert.deepEqual(ccf.text(`${gov}.nodes.endorsed_certificates`), {
      [id('e')]: 'csr from all for 365',
    });
    assert.throws(
      () => run(['set_node_certificate_validity', { node_id: id('f'), valid_from: 'x' }]),
      /Node f{64} is not trusted/,
    );
    run(['set_node_certificate_validity', { node_id: id('e'), valid_from: 'one' }]);
    assert.equal(ccf.text(`${gov}.nodes.endorsed_certificates`)[id('e')], 'csr from one for 365');
    run(['remove_node', { node_id: id('e') }], ['remove_node', { node_id: id('f') }]);
    assert.deepEqual(ccf.json(`${gov}.nodes.info`), {
      [id('e')]: { ...pending, status: 'Retired' },
    });
    run(['remove_node', { node_id: id('d') }]);
  });

  test('what is allowed to join is written as CCF has it, and drops the open proposals', () => {
    const digest = '148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940';
    const version = { boot_loader: 1, tee: 2, snp: 3, microcode: 4 };
    const cases: readonly (readonly [string, object, string, string, unknown])[] = [
      ['add_node_code', { code_id: 'k' }, 'nodes.code_ids', 'k', 'AllowedToJoin'],
      ['add_snp_measurement', { measurement: 'k' }, 'nodes.snp.measurements', 'k', 'AllowedToJoin'],
      [
        'add_virtual_measurement',
        { measurement: 'k' },
        'nodes.virtual.measurements',
        'k',
        'AllowedToJoin',
      ],
      [
        'add_snp_host_data',
        { host_data: digest, security_policy: 'p' },
        'nodes.snp.host_data',
        digest,
        'p',
      ],
      [
        'add_snp_host_data',
        { host_data: 'k', security_policy: '' },
        'nodes.snp.host_data',
        'k',
        '',
      ],
      [
        'add_virtual_host_data',
        { host_data: 'k', metadata: 'm' },
        'nodes.virtual.host_data',
        'k',
        'm',
      ],
      [
        'add_snp_uvm_endorsement',
        { did: 'k', feed: 'f', svn: '1' },
        'nodes.snp.uvm_endorsements',
        'k',
        { f: { svn: '1' } },
      ],
      [
        'set_snp_minimum_tcb_version',
        { cpuid: '00a00f11', tcb_version: version },
        'nodes.snp.tcb_versions',
        '00a00f11',
        version,
      ],
      [
        'set_snp_minimum_tcb_version_hex',
        { cpuid: '00a00f11', tcb_version: 'd315000000000004' },
        'nodes.snp.tcb_versions',
        '00a00f11',
        { hexstring: 'policy' },
      ],
    ];
    for (const [name, args, table, rowKey, value] of cases) {
      const ccf = openService();
      withOpenProposals(ccf);
      run([name, args]);
      assert.deepEqual(ccf.json(`${gov}.${table}`), { [rowKey]: value }, name);
      assert.deepEqual(states(ccf), ['Open', 'Dropped', 'Rejected'], name);
      const removal = name.replace(/^add/, 'remove').replace(/^set(.*version)(_hex)?$/, 'remove$1');
      run([removal, args]);
      assert.deepEqual(ccf.json(`${gov}.${table}`), {}, removal);
    }
  });

  test('feeds of one issuer come and go one by one', () => {
    const ccf = openService();
    const table = `${gov}.nodes.snp.uvm_endorsements`;
    run(['add_snp_uvm_endorsement', { did: 'd', feed: 'f', svn: '1' }]);
    run(['add_snp_uvm_endorsement', { did: 'd', feed: 'g', svn: '2' }]);
    run(['remove_snp_uvm_endorsement', { did: 'd', feed: 'f' }]);
    assert.deepEqual(ccf.json(table), { d: { g: { svn: '2' } } });
    assert.throws(
      () => run(['remove_snp_minimum_tcb_version', { cpuid: '00a00f11' }]),
      /CPUID 00a00f11 not found/,
    );
  });
});

suite('actions on apps, tokens, adapters and the constitution', () => {
  const properties = {
    js_module: 'm.js',
    js_function: 'f',
    mode: 'readonly',
    forwarding_required: 'never',
    authn_policies: [],
  };
  const bundle = {
    modules: [{ name: 'm.js', module: 'text' }],
    metadata: { endpoints: { '/u/{x}': { get: properties } } },
  };

  test('an app replaces the one before it whole', () => {
    const ccf = openService();
    ccf.putText(`${gov}.modules`, '/old.js', 'old');
    ccf.putJson(`${gov}.endpoints`, {}, 'GET /old');
    run(['set_js_app', { bundle }]);
    assert.deepEqual(ccf.text(`${gov}.modules`), { '/m.js': 'text' });
    assert.deepEqual(ccf.json(`${gov}.endpoints`), {
      'GET /u/{x}': { ...properties, js_module: '/m.js' },
    });
    assert.deepEqual(ccf.json(`${gov}.interpreter.flush`), { '': true });
    assert.deepEqual(ccf.calls, [['refreshAppBytecodeCache']]);
    run(['set_js_app', { bundle, disable_bytecode_cache: true }]);
    assert.equal(ccf.calls.length, 1);
    run(['refresh_js_app_bytecode_cache'], ['remove_js_app']);
    assert.equal(ccf.calls.length, 2);
    for (const table of ['modules', 'endpoints', 'interpreter.flush']) {
      assert.deepEqual(ccf.text(`${gov}.${table}`), {}, table);
    }
    const options = { max_heap_bytes: 1, max_stack_bytes: 2, max_execution_time_ms: 3 };
    run(['set_js_runtime_options', options]);
    assert.deepEqual(ccf.json(`${gov}.js_runtime_options`), { '': options });
  });

  test('issuers of tokens: keys go to the node, the rest into the table', () => {
    const ccf = openService();
    const issuer = 'https://example.issuer';
    const jwks = { keys: [{ kid: 'k', kty: 'RSA', n: 'A'.repeat(342), e: 'AQAB' }] };
    const metadata = { issuer, auto_refresh: true, ca_cert_bundle_name: 'ca' };
    const set = ['set_jwt_issuer', { ...metadata, jwks }] as const;
    assert.throws(() => run(set), /No CA cert bundle found with name 'ca'/);
    run(['set_ca_cert_bundle', { name: 'ca', cert_bundle: pem }], set);
    assert.deepEqual(ccf.json(`${gov}.tls.ca_cert_bundles`), { ca: pem });
    assert.deepEqual(ccf.json(`${gov}.jwt.issuers`), { [issuer]: metadata });
    run(['set_jwt_public_signing_keys', { issuer, jwks }]);
    const call = ['setJwtPublicSigningKeys', issuer, metadata, jwks];
    assert.deepEqual(ccf.calls, [call, call]);
    run(['remove_jwt_issuer', { issuer }], ['remove_jwt_issuer', { issuer }]);
    assert.deepEqual(ccf.json(`${gov}.jwt.issuers`), {});
    assert.deepEqual(ccf.calls.slice(2), [['removeJwtPublicSigningKeys', issuer]]);
    run(['remove_ca_cert_bundle', { name: 'ca' }]);
    assert.deepEqual(ccf.json(`${gov}.tls.ca_cert_bundles`), {});
    assert.throws(
      () => run(['set_jwt_public_signing_keys', { issuer, jwks }]),
      /issuer https:\/\/example.issuer not found/,
    );
  });

  test('settings of an adapter stand in its row', () => {
    const ccf = openService();
    const settings = { base_fee: 7, visibility: 'consortium' };
    run(['set_adapter_settings', { adapter: 'ethereum', settings }]);
    assert.deepEqual(ccf.json(`${coco}.adapters`), { ethereum: settings });
    run(['set_adapter_settings', { adapter: 'ethereum', settings: { visibility: 'public' } }]);
    assert.deepEqual(ccf.json(`${coco}.adapters`), {
      ethereum: { base_fee: 7, visibility: 'public' },
    });
  });

  test('settings of an adapter reach it in the same transaction', () => {
    const ccf = openService();
    const reached: unknown[] = [];
    Object.assign(ccf.global, {
      coco: { applyAdapterSettings: (...call: unknown[]) => reached.push(call) },
    });
    run(['set_adapter_settings', { adapter: 'ethereum', settings: { base_fee: 1 } }]);
    assert.deepEqual(reached, [['ethereum', { base_fee: 1 }]]);
  });

  test('a new constitution drops the open proposals', () => {
    const ccf = openService();
    withOpenProposals(ccf);
    run(['set_constitution', { constitution: 'export function validate() {}' }]);
    assert.deepEqual(ccf.json(`${gov}.constitution`), { '': 'export function validate() {}' });
    assert.deepEqual(states(ccf), ['Open', 'Dropped', 'Rejected']);
  });

  test('a proposal of an action that was never validated is refused', () => {
    openService();
    assert.throws(() => run(['no_such_action']), /no_such_action: no such action/);
    assert.throws(() => run(['set_user', { cert: 'x' }]), /cert must be a valid X509/);
  });
});
