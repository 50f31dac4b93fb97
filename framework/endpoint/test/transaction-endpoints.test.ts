import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, asView } from '@coco/base';
import { transactionEndpoints } from '../src/transaction-endpoints.ts';
import { TransactionStatusTracker } from '../src/transaction-status.ts';
import { requestTo } from './endpoint-fixture.ts';

suite('commit and tx', () => {
  const tracker = new TransactionStatusTracker();
  tracker.startView(asView(2), asSeqno(1));
  const [commit, status] = transactionEndpoints('/app', tracker);
  const ask = (endpoint: typeof commit, target: string): unknown => {
    assert.ok(endpoint?.mode === 'command');
    const call = {
      request: requestTo(target),
      caller: { policy: 'no_auth' as const },
      parameters: new Map<string, string>(),
    };
    return endpoint.handle(call);
  };

  test('parameters that do not parse are refused', () => {
    for (const query of [
      'view_history=maybe',
      'view_history_since=0',
      'view_history_since=x',
      'view_history_since=3',
      'view_history_since=99999999999999999999',
    ]) {
      const refused = { code: 'InvalidQueryParameterValue', status: 400 };
      assert.throws(() => ask(commit, `/app/commit?${query}`), refused, query);
    }
    for (const query of ['', 'transaction_id=', 'transaction_id=2', 'transaction_id=2.1.1']) {
      const refused = { code: 'InvalidQueryParameterValue' };
      assert.throws(() => ask(status, `/app/tx?${query}`), refused, query);
    }
  });

  test('each frontend has its own paths', () => {
    assert.deepEqual(
      transactionEndpoints('/gov', tracker).map(({ path }) => path),
      ['/gov/commit', '/gov/tx'],
    );
  });
});
