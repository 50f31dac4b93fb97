import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { JsonValue } from '@coco/base';
import { nodeInfos } from '@coco/governance';
import { Store } from '@coco/kv';
import { addressOfNode } from '../src/node-addresses.ts';

const nodeId = 'ab'.repeat(32);

function stateWith(rpcInterfaces: JsonValue) {
  const store = new Store();
  const transaction = store.begin();
  nodeInfos.put(transaction, nodeId, {
    node_to_node_interface: {},
    rpc_interfaces: rpcInterfaces,
    quote_info: { format: 'Insecure_Virtual', quote: '', endorsements: '' },
    encryption_pub_key: '',
    status: 'Trusted',
  });
  return transaction;
}

const described = (address: JsonValue, authority?: string) => ({
  published_address: address,
  ...(authority !== undefined && { endorsement: { authority } }),
});

suite('the address of a node', () => {
  test('is that of its first interface that shows the node’s key', () => {
    const state = stateWith({
      plain: described('127.0.0.1:1', 'Unsecured'),
      main: described('node.example:4430', 'Service'),
      other: described('[::1]:4431'),
    });
    assert.equal(addressOfNode(state, nodeId), 'node.example:4430');
    assert.equal(addressOfNode(state, nodeId, 'other'), '[::1]:4431');
    assert.equal(addressOfNode(state, nodeId, 'none'), undefined);
  });

  test('is unknown for a node that is not there or offers plain HTTP only', () => {
    const state = stateWith({ plain: described('127.0.0.1:1', 'Unsecured') });
    assert.equal(addressOfNode(state, nodeId), undefined);
    assert.equal(addressOfNode(state, 'cd'.repeat(32)), undefined);
    assert.equal(addressOfNode(stateWith([]), nodeId), undefined);
  });

  test('is host and port and nothing else', () => {
    for (const address of [
      'host',
      'host:0',
      'host:70000',
      'host:1/path',
      'user@host:1',
      'a b:1',
      7,
      '',
    ]) {
      assert.equal(addressOfNode(stateWith({ main: described(address) }), nodeId), undefined);
    }
  });
});
