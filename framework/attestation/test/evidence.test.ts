import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBase64, type JsonValue, LedgerError, toHex } from '@coco/base';
import fc from 'fast-check';
import {
  encodeQuoteAnswer,
  encodeQuoteInfo,
  parseQuoteAnswer,
  parseQuoteInfo,
  parseVirtualQuote,
  VirtualPlatform,
  virtualMeasurementHex,
} from '../src/index.ts';

/** GET /node/quotes/self as a CCF node answered it (recorded). */
const recorded = {
  endorsements: '',
  format: 'Insecure_Virtual',
  measurement:
    '496e73656375726520686172642d636f646564207669727475616c206d6561737572656d656e74207631',
  node_id: '785589dcc28242c77995d66808ee26173176bb363fb8d0f1a897553603340bdc',
  raw: 'eyJob3N0X2RhdGEiOiI3YjIyY2RiZDlmNmUxOTYwNzhkYzM3NGZjZjQ2NjY1ZjgyYmQ0MGY2ODNjYmI4MmJlYzZjMjQ3MjQ5YWEzZmVkIiwibWVhc3VyZW1lbnQiOiJJbnNlY3VyZSBoYXJkLWNvZGVkIHZpcnR1YWwgbWVhc3VyZW1lbnQgdjEiLCJyZXBvcnRfZGF0YSI6ImVGV0ozTUtDUXNkNWxkWm9DTzRtRnpGMnV6WS91TkR4cUpkVk5nTTBDOXc9In0=',
};

const isMalformed = (error: unknown) =>
  error instanceof LedgerError && error.code === 'EvidenceMalformed';

test('the answer of a CCF node parses, and encodes back to the same JSON', () => {
  const { nodeId, evidence } = parseQuoteAnswer(recorded);
  const quote = parseVirtualQuote(evidence.quote);
  assert.equal(quote.measurement, 'Insecure hard-coded virtual measurement v1');
  assert.equal(toHex(quote.reportData), nodeId);
  const measurement = virtualMeasurementHex(quote);
  assert.deepEqual(encodeQuoteAnswer({ nodeId, evidence, measurement }), recorded);
});

test('quote_info decodes to the evidence that was encoded', () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(bytes, bytes, fc.option(bytes), (quote, endorsements, uvm) => {
      const evidence = {
        format: 'Some_Format',
        quote,
        endorsements,
        ...(uvm && { uvmEndorsements: uvm }),
      };
      assert.deepEqual(parseQuoteInfo(encodeQuoteInfo(evidence)), evidence);
    }),
    { numRuns: 200 },
  );
});

test('JSON that is not evidence is refused with a code', () => {
  const large = 'A'.repeat(100_000);
  const bad: JsonValue[] = [
    null,
    [],
    'text',
    {},
    { ...recorded, format: 1 },
    { ...recorded, format: large },
    { ...recorded, raw: large },
    { ...recorded, raw: '*' },
    { ...recorded, endorsements: null },
    { ...recorded, node_id: 'ff' },
  ];
  for (const value of bad) assert.throws(() => parseQuoteAnswer(value), isMalformed);
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
      assert.throws(() => parseQuoteInfo(value as JsonValue), isMalformed);
    }),
    { numRuns: 200 },
  );
});

test('bytes that are not a virtual quote are refused with a code', () => {
  const quote = fromBase64(recorded.raw);
  for (let at = 0; at < quote.length; at++) {
    assert.throws(() => parseVirtualQuote(quote.subarray(0, at)), isMalformed);
  }
  assert.throws(() => parseVirtualQuote(new Uint8Array(5000)), isMalformed);
  assert.throws(() => parseVirtualQuote(new TextEncoder().encode('[[1]]')), isMalformed);
});

test('the platform refuses to make evidence out of form', async () => {
  const root = { spki: new Uint8Array(0), sign: (input: Uint8Array) => input };
  const hostData = '00'.repeat(32);
  const make = (options: { measurement: string; hostData: string }, length: number) =>
    new VirtualPlatform({ root, ...options }).evidenceFor(new Uint8Array(length));
  await assert.rejects(make({ measurement: '', hostData }, 32), isMalformed);
  await assert.rejects(make({ measurement: 'm', hostData: 'AB' }, 32), isMalformed);
  await assert.rejects(make({ measurement: 'm', hostData }, 31), isMalformed);
});
