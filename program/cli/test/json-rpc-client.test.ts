import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { callRpc } from '../src/json-rpc-client.ts';
import { withRpcServer } from './rpc-server.ts';

describe('a JSON-RPC call', () => {
  test('gives the result, null included', async () => {
    const bodies = [
      '{"jsonrpc":"2.0","id":1,"result":"0x1"}',
      '{"jsonrpc":"2.0","id":1,"result":null}',
    ];
    await withRpcServer(bodies, async (url) => {
      assert.equal(await callRpc(url, 'eth_chainId', []), '0x1');
      assert.equal(await callRpc(url, 'eth_getTransactionReceipt', []), null);
    });
  });

  test('repeats the service’s own sentence when it refuses', async () => {
    const refusal = '{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"nonce too low"}}';
    await withRpcServer([refusal, '"what"'], async (url) => {
      await assert.rejects(callRpc(url, 'eth_send', []), {
        code: 'WrongUsage',
        message: 'eth_send was refused: nonce too low.',
      });
      await assert.rejects(callRpc(url, 'eth_send', []), { code: 'WrongUsage' });
    });
  });

  test('says that nothing answers, or that what answers is no such service', async () => {
    const url = await withRpcServer([], async (open) => open);
    const message = /^Nothing answers at .*start the sandbox with "npm start"\.$/;
    await assert.rejects(callRpc(url, 'eth_chainId', []), { code: 'SandboxUnreachable', message });
    await withRpcServer(['<html>'], async (other) => {
      await assert.rejects(callRpc(other, 'eth_chainId', []), { code: 'SandboxUnreachable' });
    });
  });
});
