/** The vectors are a sandbox's own: a transfer of 0.5 ETH on chain 2017, and the service of it. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import { fromBase64, LedgerError, toBase64, utf8Encode } from '@coco/base';
import { createCertificate, SigningKey } from '@coco/crypto';
import type { Client } from '@coco/sdk';
import {
  fetchBundle,
  parseBundle,
  type ReceiptBundle,
  verifyBundle,
} from '../src/receipt-bundle.ts';
import { describe as describeBundle } from '../src/receipt-command.ts';
import { withRpcServer } from './rpc-server.ts';

const vector = (name: string) => readFile(new URL(`./vectors/${name}`, import.meta.url));

/** Another digit in the middle. */
function flip(text: string): string {
  const at = Math.floor(text.length / 2);
  return `${text.slice(0, at)}${text[at] === '1' ? '2' : '1'}${text.slice(at + 1)}`;
}

async function codeOf(act: Promise<unknown>): Promise<string> {
  try {
    await act;
    return 'accepted';
  } catch (error) {
    assert.ok(error instanceof LedgerError, String(error));
    return error.code;
  }
}

describe('a receipt bundle', () => {
  let bundle: ReceiptBundle;
  let service: string;
  before(async () => {
    bundle = parseBundle(await vector('receipt-bundle.json'));
    service = (await vector('service-identity.pem')).toString('utf8');
  });

  test('verifies offline, and says what is proven', async () => {
    const { isSuccess, logCount, receipt } = await verifyBundle(bundle, service);
    assert.equal(isSuccess, true);
    assert.equal(logCount, 0);
    assert.equal(receipt.transactionId.seqno, 9);
    const text = await describeBundle(bundle, service);
    assert.match(text, /^Verified: transaction 0x6d04e628/);
    assert.match(text, /succeeded on chain 2017, with 0 event\(s\)/);
    assert.match(text, /Not proven, but said by the node: block 1$/);
  });

  test('is refused when any proven field is another', async () => {
    const changes: Readonly<Record<string, Partial<ReceiptBundle>>> = {
      transactionHash: { transactionHash: flip(bundle.transactionHash) },
      chainId: { chainId: '0x7e2' },
      salt: { salt: flip(bundle.salt) },
      receipt: { receipt: flip(bundle.receipt) },
    };
    for (const [name, change] of Object.entries(changes)) {
      const code = await codeOf(verifyBundle({ ...bundle, ...change }, service));
      assert.match(code, /^(ReceiptInvalid|Claims\w+|Receipt\w+)$/, name);
    }
    const transactionId = '2.10';
    assert.equal(
      await codeOf(verifyBundle({ ...bundle, transactionId }, service)),
      'BundleMismatch',
    );
  });

  test('is refused with any bit of its COSE receipt flipped', async () => {
    const bytes = fromBase64(bundle.coseReceipt);
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = bytes.map((byte, index) => (index === at ? byte ^ (1 << (at % 8)) : byte));
      const coseReceipt = toBase64(changed);
      assert.notEqual(await codeOf(verifyBundle({ ...bundle, coseReceipt }, service)), 'accepted');
    }
  });

  test('is refused under another service', async () => {
    const key = SigningKey.generate('P-384');
    const days = { notBeforeMs: Date.now(), days: 1 };
    const other = await createCertificate({ subject: 'other', key, isAuthority: true, ...days });
    assert.notEqual(await codeOf(verifyBundle(bundle, other)), 'accepted');
    assert.notEqual(await codeOf(verifyBundle(bundle, 'no certificate')), 'accepted');
  });

  test('is parsed with every field in its form', () => {
    const text = JSON.stringify(bundle);
    assert.deepEqual(parseBundle(utf8Encode(text)), bundle);
    for (const name of Object.keys(bundle).filter((one) => one !== 'endorsements')) {
      for (const wrong of [undefined, 1, '', 'zz', '0x', '0x!!', ' 0x1', '-0x1', {}, null]) {
        const changed = utf8Encode(JSON.stringify({ ...bundle, [name]: wrong }));
        const refused = { code: 'WrongUsage', message: new RegExp(`"${name}"`) };
        assert.throws(() => parseBundle(changed), refused, `${name} ${wrong}`);
      }
    }
    const endorsed = utf8Encode(JSON.stringify({ ...bundle, endorsements: ['?'] }));
    assert.throws(() => parseBundle(endorsed), { code: 'WrongUsage' });
  });

  test('is refused when it is no JSON, too deep or too large', () => {
    assert.throws(() => parseBundle(utf8Encode('{')), { code: 'InvalidInput' });
    assert.throws(() => parseBundle(utf8Encode('[[[[[1]]]]]')), { code: 'NestingTooDeep' });
    const large = new Uint8Array(8 * 1024 * 1024 + 1);
    assert.throws(() => parseBundle(large), { code: 'RequestBodyTooLarge' });
  });

  test('is not taken from a node that proves another transaction', async () => {
    const answer = JSON.stringify({ jsonrpc: '2.0', id: 1, result: bundle });
    await withRpcServer([answer], async (url) => {
      const asked = fetchBundle({} as Client, url, `0x${'11'.repeat(32)}`);
      assert.equal(await codeOf(asked), 'BundleMismatch');
    });
  });

  test('is not fetched for a transaction that nobody knows, or that is none', async () => {
    const client = {} as Client;
    await withRpcServer(['{"jsonrpc":"2.0","id":1,"result":null}'], async (url) => {
      const unknown = fetchBundle(client, url, `0x${'11'.repeat(32)}`);
      assert.equal(await codeOf(unknown), 'UnknownTransaction');
      assert.equal(await codeOf(fetchBundle(client, url, '0x11')), 'WrongUsage');
    });
  });
});
