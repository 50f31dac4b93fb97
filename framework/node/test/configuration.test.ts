import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonValue } from '@coco/base';
import { parseConfiguration } from '../src/index.ts';

type Json = { [key: string]: JsonValue };

function configuration(changes: (draft: Json) => void = () => {}): JsonValue {
  const draft = structuredClone({
    network: { rpc_interfaces: { main: { bind_address: '127.0.0.1:0' } } },
    command: { type: 'Start', start: { members: [{ certificate_file: 'member0_cert.pem' }] } },
    coco: { virtual_root_key_file: 'root.pem' },
  }) as Json;
  changes(draft);
  return draft;
}

function refused(changes: (draft: Json) => void, message: RegExp): void {
  assert.throws(() => parseConfiguration(configuration(changes)), {
    code: 'InvalidConfiguration',
    message,
  });
}

describe('the node configuration', () => {
  test('fills in defaults', () => {
    const parsed = parseConfiguration(configuration());
    assert.equal(parsed.ledgerDirectory, 'ledger');
    assert.equal(parsed.chunkBytes, 5 * 1024 * 1024);
    assert.equal(parsed.interfaces[0]?.authority, 'Service');
    assert.equal(parsed.serviceCurve, 'P-384');
    assert.equal(parsed.tokenKeysIntervalMs, 1_800_000);
  });

  test('reads sizes and times as CCF writes them; empty texts are defaults', () => {
    const parsed = parseConfiguration(
      configuration((draft) => {
        draft.ledger = { chunk_size: '2KB', directory: '' };
        draft.jwt = { key_refresh_interval: '2min' };
      }),
    );
    assert.equal(parsed.chunkBytes, 2048);
    assert.equal(parsed.tokenKeysIntervalMs, 120_000);
    assert.equal(parsed.ledgerDirectory, 'ledger');
  });

  test('counts only the block that the type names', () => {
    const parsed = parseConfiguration(
      configuration((draft) => {
        draft.command = {
          type: 'Recover',
          start: { members: [] },
          recover: { previous_service_identity_file: 'old.pem' },
          join: { target_rpc_address: '' },
        };
      }),
    );
    assert.equal(parsed.command.type, 'Recover');
  });

  test('a certificate holds no longer than the maximum, the first one included', () => {
    const start = (draft: Json): Json => (draft.command as { start: Json }).start;
    const parsed = parseConfiguration(
      configuration((draft) => {
        start(draft).service_configuration = {
          maximum_node_certificate_validity_days: 400,
          maximum_service_certificate_validity_days: 800,
        };
        start(draft).initial_service_certificate_validity_days = 800;
      }),
    );
    assert.ok(parsed.command.type === 'Start');
    assert.equal(parsed.command.start.nodeDaysMax, 400);
    assert.equal(parsed.command.start.serviceDaysMax, 800);
    assert.deepEqual(parsed.unused, []);
    refused((draft) => {
      start(draft).initial_service_certificate_validity_days = 366;
    }, /service's initial certificate is for 366 days/);
    refused((draft) => {
      draft.node_certificate = { initial_validity_days: 8 };
      start(draft).service_configuration = { maximum_node_certificate_validity_days: 7 };
    }, /node's initial certificate is for 8 days, but "maximum_node_/);
  });

  test('names the path of what is wrong', () => {
    refused((draft) => {
      draft.ledger = { chunk_size: 'large' };
    }, /"ledger\.chunk_size"/);
    refused((draft) => {
      draft.legder = {};
    }, /does not know "legder"/);
    refused((draft) => {
      draft.command = { type: 'Launch' };
    }, /"command\.type" must be one of Start, Join, Recover/);
    refused((draft) => {
      draft.network = { rpc_interfaces: { main: { bind_address: '127.0.0.1' } } };
    }, /host:port/);
    refused((draft) => {
      draft.command = { type: 'Start', start: { members: [] } };
    }, /at least one member/);
  });

  test('takes CCF’s further settings and says which it has no use for', () => {
    const parsed = parseConfiguration(
      configuration((draft) => {
        draft.snapshots = { directory: 'elsewhere', tx_count: 500, time_interval: '1s' };
        draft.ledger = { directory: 'own', read_only_directories: ['/mnt/a', 'b'] };
        draft.files_cleanup = { max_snapshots: 3, interval: '1s' };
        draft.consensus = { election_timeout: '1s', max_uncommitted_tx_count: 50 };
      }),
    );
    const unused = [
      'snapshots.time_interval',
      'files_cleanup.interval',
      'consensus.election_timeout',
    ];
    assert.deepEqual(parsed.unused, unused);
    assert.deepEqual(parsed.readOnlyLedgerDirectories, ['/mnt/a', 'b']);
    assert.deepEqual(parsed.snapshots, {
      directory: 'elsewhere',
      entriesBetween: 500,
      filesMax: 3,
    });
    assert.equal(parseConfiguration(configuration()).snapshots.filesMax, undefined);
    assert.equal(parsed.uncommittedMax, 50);
  });

  test('reads where other nodes reach this one, if they do', () => {
    const withPeers = (part: Json) => (draft: Json) => {
      draft.network = { ...(draft.network as Json), node_to_node_interface: part };
    };
    const read = (part: Json) => parseConfiguration(configuration(withPeers(part))).nodeToNode;
    assert.equal(parseConfiguration(configuration(() => {})).nodeToNode, undefined);
    const address = { host: '::1', port: 8081 };
    const listening = { ...address, publishedAddress: undefined };
    assert.deepEqual(read({ bind_address: '[::1]:8081' }), listening);
    const publishedAddress = 'node.example:9000';
    const published = { bind_address: '[::1]:8081', published_address: publishedAddress };
    assert.deepEqual(read(published), { ...address, publishedAddress });
    const wrong = { bind_address: '127.0.0.1:0', published_address: 'node.example' };
    refused(withPeers(wrong), /address of "node_to_node_interface" must be host:port/);
    refused(withPeers({}), /"network\.node_to_node_interface\.bind_address" is missing/);
  });

  test('reads limits of connections, and paths that an interface offers', () => {
    const main = (part: Json) => (draft: Json) => {
      draft.network = { rpc_interfaces: { main: { bind_address: '127.0.0.1:0', ...part } } };
    };
    const [defaults] = parseConfiguration(configuration()).interfaces;
    assert.ok(defaults && defaults.sessionsSoftMax < defaults.sessionsMax);
    const [few] = parseConfiguration(
      configuration(main({ max_open_sessions_hard: 10, accepted_endpoints: ['^/node/.*$'] })),
    ).interfaces;
    assert.equal(few?.sessionsSoftMax, 10);
    assert.ok(few?.acceptedEndpoints[0]?.test('/node/state'));
    refused(main({ max_open_sessions_hard: 10, max_open_sessions_soft: 11 }), /1 to 10/);
    assert.deepEqual(defaults.channels, {
      channelsMax: 1000,
      messageBytesMax: defaults.bodyBytesMax,
      unreadBytesMax: 8 * 1024 * 1024,
      messagesAtOnceMax: 32,
    });
    const channels = { max_open: 5, max_message_size: '1KB', max_unread_size: '2KB' };
    const [bounded] = parseConfiguration(configuration(main({ channels }))).interfaces;
    assert.deepEqual(bounded?.channels, {
      channelsMax: 5,
      messageBytesMax: 1024,
      unreadBytesMax: 2048,
      messagesAtOnceMax: 32,
    });
    refused(main({ channels: { max_open: -1 } }), /max_open/);
    refused(main({ channels: { max_opened: 1 } }), /does not know/);
    refused(main({ accepted_endpoints: ['('] }), /holds "\(", which is no regular expression/);
  });

  test('reads where an interface sends what another node answers', () => {
    const main = (redirections?: Json, more: Json = {}) => {
      return (draft: Json) => {
        const part = {
          bind_address: '127.0.0.1:0',
          ...(redirections && { redirections }),
          ...more,
        };
        draft.network = { rpc_interfaces: { main: part } };
      };
    };
    const read = (edit: (draft: Json) => void) =>
      parseConfiguration(configuration(edit)).interfaces[0];
    assert.equal(read(main())?.redirections, undefined);
    assert.equal(read(main())?.forwardingMsMax, 3_000);
    assert.equal(read(main(undefined, { forwarding_timeout_ms: 500 }))?.forwardingMsMax, 500);
    const byRole = { kind: 'NodeByRole', target: { role: 'primary', interface: 'public' } };
    const fixed = { kind: 'StaticAddress', target: { address: 'balancer.example:443' } };
    assert.deepEqual(read(main({ to_primary: byRole, to_backup: fixed }))?.redirections, {
      toPrimary: { kind: 'NodeByRole', role: 'primary', interfaceName: 'public' },
      toBackup: { kind: 'StaticAddress', address: 'balancer.example:443' },
    });
    refused(main({ to_primary: { kind: 'NodeByRole', target: {} } }), /role" is missing/);
    const nowhere = { kind: 'StaticAddress', target: { address: 'balancer' } };
    refused(main({ to_backup: nowhere }), /must be host:port/);
    refused(main({ to_nobody: byRole }), /does not know .*to_nobody/);
  });

  test('reads what the operator opens to everybody on an interface', () => {
    const features = (names: readonly string[]) => (draft: Json) => {
      const main = { bind_address: '127.0.0.1:0', enabled_operator_features: [...names] };
      draft.network = { rpc_interfaces: { main } };
    };
    const opened = (names: readonly string[]) =>
      parseConfiguration(configuration(features(names))).interfaces[0]?.operatorFeatures;
    assert.deepEqual(opened([]), new Set());
    assert.deepEqual(opened(['SnapshotRead', 'LedgerChunkRead']), new Set(['SnapshotRead']));
    refused(features(['SnapshotWrite']), /holds "SnapshotWrite", which is none/);
  });

  test('keeps plain HTTP on loopback', () => {
    const plain = (bind: string) => (draft: Json) => {
      draft.network = {
        rpc_interfaces: {
          main: { bind_address: '127.0.0.1:0' },
          plain: { bind_address: bind, endorsement: { authority: 'Unsecured' } },
        },
      };
    };
    refused(plain('0.0.0.0:8545'), /loopback only/);
    refused(plain('10.1.2.3:8545'), /loopback only/);
    assert.equal(parseConfiguration(configuration(plain('127.0.0.1:8545'))).interfaces.length, 2);
  });
});
