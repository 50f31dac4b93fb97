import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Store } from '@coco/kv';
import { identityLookup } from '../src/members.ts';
import { nodeInfos } from '../src/tables.ts';

suite('the tables that tell who calls', () => {
  test('name a node trusted only while its row says so', () => {
    const transaction = new Store().begin();
    const row = {
      node_to_node_interface: {},
      rpc_interfaces: {},
      quote_info: { format: '', quote: '', endorsements: '' },
      encryption_pub_key: '',
    };
    const answers = (['Pending', 'Trusted', 'Retired'] as const).map((status) => {
      nodeInfos.put(transaction, 'node', { ...row, status });
      return identityLookup(transaction).isTrustedNode('node');
    });
    assert.deepEqual(answers, [false, true, false]);
    assert.equal(identityLookup(transaction).isTrustedNode('another'), false);
  });
});
