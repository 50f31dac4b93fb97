import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, asView, emptyBytes, LedgerError, utf8Decode } from '@coco/base';
import { type Response, TransactionStatusTracker } from '@coco/endpoint';
import { LedgerSecrets } from '@coco/ledger';
import { receiptEndpoint } from '../src/receipt-endpoint.ts';

const row = { kind: 'fault', status: 503, meaning: '' } as const;

/** A node on which 2.1 to 2.9 are committed, and whose files answer with `code`. */
function ask(code: string, id = '2.5'): Promise<Response> {
  const endpoint = receiptEndpoint({
    tracker: new TransactionStatusTracker({
      history: [
        { view: asView(1), seqno: asSeqno(1) },
        { view: asView(2), seqno: asSeqno(1) },
      ],
      committed: { view: asView(2), seqno: asSeqno(9) },
    }),
    secrets: new LedgerSecrets([{ fromSeqno: asSeqno(1), key: new Uint8Array(32) }]),
    readCovered: () => Promise.reject(new LedgerError(code, row, 'No.', {}, undefined)),
  });
  const request = {
    method: 'GET',
    path: endpoint.path,
    query: new Map([['transaction_id', id]]),
    headers: new Map(),
    body: emptyBytes,
    clientCertificate: undefined,
  };
  const call = { request, caller: { policy: 'no_auth' as const }, parameters: new Map() };
  return Promise.resolve(endpoint.handle(call));
}

suite('receipts on a node that began from a snapshot', () => {
  test('are to be asked for again while the beginning of the ledger comes in', async () => {
    const { status, headers, body } = await ask('EntryNotYetHere');
    assert.equal(status, 202);
    assert.equal(headers['retry-after'], '3');
    assert.match(utf8Decode(body), /2\.5 is not available yet/);
  });

  test('are none of a signature, of what is not committed, or of a disk that fails', async () => {
    await assert.rejects(ask('ReceiptUnavailable'), { code: 'TransactionNotFound', status: 404 });
    await assert.rejects(ask('DiskFault'), { code: 'DiskFault' });
    await assert.rejects(ask('DiskFault', '2.10'), { code: 'TransactionPendingOrUnknown' });
    await assert.rejects(ask('DiskFault', '1.5'), { code: 'TransactionInvalid' });
  });
});
