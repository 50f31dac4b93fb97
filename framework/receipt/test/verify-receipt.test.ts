import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  type CborKey,
  type CborValue,
  encodeCbor,
  encodeSignOne,
  formatTransactionId,
  fromBase64,
  fromHex,
  LedgerError,
  toHex,
  utf8Encode,
} from '@coco/base';
import { createCertificate, SigningKey, sha256 } from '@coco/crypto';
import fc from 'fast-check';
import {
  claimsDigestOf,
  encodeReceipt,
  noClaims,
  parseReceipt,
  receiptBytesMax,
  VerificationKey,
  verifyReceipt,
  webSha256,
} from '../src/index.ts';
import { endorse, protectedHeader, SampleLedger } from './sample-ledger.ts';

interface VectorFile {
  readonly services: readonly {
    readonly curve: string;
    readonly certificate: string;
    readonly receipts: readonly {
      readonly transactionId: string;
      readonly signatureSeqno: number;
      readonly claimsDigest: string;
      readonly bytes: string;
    }[];
  }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('vectors/receipts.json', import.meta.url), 'utf8'),
) as VectorFile;

const codeIs = (code: string) => (error: unknown) =>
  error instanceof LedgerError && error.code === code;

function sample(size = 14) {
  const ledger = new SampleLedger();
  const claims = sha256(utf8Encode('claims'));
  for (let seqno = 1; seqno <= size; seqno++) ledger.append(seqno % 3 === 1 ? claims : noClaims);
  return { ledger, claims };
}

const key = SigningKey.generate('P-256');

test('receipts by an independent writer, on every curve, verify and encode back to their bytes', async () => {
  let count = 0;
  for (const service of vectors.services) {
    for (const vector of service.receipts) {
      const bytes = fromBase64(vector.bytes);
      const verified = await verifyReceipt({
        receipt: bytes,
        serviceIdentity: service.certificate,
        claimsDigest: fromHex(vector.claimsDigest),
      });
      assert.equal(formatTransactionId(verified.transactionId), vector.transactionId);
      assert.equal(verified.signatureId.seqno, vector.signatureSeqno);
      assert.equal(verified.issuer, 'service.example.com');
      assert.ok(verified.isCurrentIdentity);
      const { message, proofs } = parseReceipt(bytes);
      const { protectedBytes, signature } = message;
      assert.deepEqual(encodeReceipt({ protectedBytes, signature, proofs }), bytes);
      count++;
    }
  }
  assert.equal(count, 12);
});

test('every transaction under every signature of a small ledger has a receipt that verifies', async () => {
  const { ledger, claims } = sample(14);
  const identity = await VerificationKey.fromSpki(key.spki);
  for (let signatureSeqno = 2; signatureSeqno <= 14; signatureSeqno++) {
    for (let seqno = 1; seqno < signatureSeqno; seqno++) {
      const receipt = ledger.receipt({ seqno, signatureSeqno, key });
      const verified = await verifyReceipt({ receipt, serviceIdentity: identity });
      assert.equal(verified.transactionId.seqno, seqno);
      assert.equal(toHex(verified.root), toHex(ledger.root(signatureSeqno)));
      assert.equal(toHex(verified.claimsDigest), toHex(seqno % 3 === 1 ? claims : noClaims));
    }
  }
});

test('a receipt with any one bit flipped is refused, on P-256', async () => {
  const { ledger, claims } = sample();
  const receipt = ledger.receipt({ seqno: 7, signatureSeqno: 14, key });
  const identity = await VerificationKey.fromSpki(key.spki);
  await verifyReceipt({ receipt, serviceIdentity: identity, claimsDigest: claims });
  const codes = new Set<string>();
  const refuseFlip = async (bit: number): Promise<void> => {
    const flipped = Uint8Array.from(receipt);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    await assert.rejects(
      verifyReceipt({ receipt: flipped, serviceIdentity: identity }),
      (error: unknown) => error instanceof LedgerError && codes.add(error.code) !== undefined,
      `bit ${bit & 7} of byte ${bit >> 3}`,
    );
  };
  for (let byte = 0; byte < receipt.length; byte++) {
    await Promise.all(Array.from({ length: 8 }, (_, bit) => refuseFlip(8 * byte + bit)));
  }
  assert.deepEqual([...codes].sort(), [
    'ReceiptKeyMismatch',
    'ReceiptMalformed',
    'ReceiptNotCanonical',
    'ReceiptPositionInvalid',
    'ReceiptSignatureInvalid',
  ]);
});

test('receipts cut, extended, or with changed bytes are refused, on every curve', async () => {
  const cases = vectors.services.flatMap((service) =>
    service.receipts.map(({ bytes }) => ({ bytes: fromBase64(bytes), service })),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...cases),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom('cut', 'extend', 'change'),
      async ({ bytes, service }, position, value, kind) => {
        const at = position % bytes.length;
        const changed =
          kind === 'cut'
            ? bytes.slice(0, at)
            : kind === 'extend'
              ? Uint8Array.of(...bytes, value)
              : bytes.map((byte, index) => (index === at ? byte ^ value : byte));
        await assert.rejects(
          verifyReceipt({ receipt: changed, serviceIdentity: service.certificate }),
          LedgerError,
        );
      },
    ),
    { numRuns: 300 },
  );
});

test('random bytes are refused with a code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      assert.throws(() => parseReceipt(bytes), codeIs('ReceiptMalformed'));
    }),
    { numRuns: 500 },
  );
});

test('a receipt beyond the size limit is refused before it is read', () => {
  const bytes = new Uint8Array(receiptBytesMax + 1);
  assert.throws(() => parseReceipt(bytes), codeIs('ReceiptMalformed'));
});

test('another encoding of the same unprotected header is refused', () => {
  const { ledger } = sample();
  const receipt = ledger.receipt({ seqno: 7, signatureSeqno: 14, key });
  const { message } = parseReceipt(receipt);
  const { protectedBytes, signature } = message;
  const unprotectedHeader = new Map<CborKey, CborValue>([
    ...message.unprotectedHeader,
    [4, 'more'],
  ]);
  const extended = encodeSignOne({ protectedBytes, unprotectedHeader, payload: null, signature });
  assert.throws(() => parseReceipt(extended), codeIs('ReceiptNotCanonical'));
});

test('a receipt of another service is refused by its key id', async () => {
  const { ledger } = sample();
  const receipt = ledger.receipt({ seqno: 3, signatureSeqno: 9, key });
  const other = SigningKey.generate('P-256');
  await assert.rejects(
    verifyReceipt({ receipt, serviceIdentity: other.spki }),
    codeIs('ReceiptKeyMismatch'),
  );
});

test('a receipt whose header claims another algorithm or a critical header is refused', async () => {
  const { ledger } = sample();
  const weaker = protectedHeader(key, '2.9').set(1, -35);
  await assert.rejects(
    verifyReceipt({
      receipt: ledger.receipt({ seqno: 3, signatureSeqno: 9, key, header: weaker }),
      serviceIdentity: key.spki,
    }),
    codeIs('ReceiptKeyMismatch'),
  );
  const critical = protectedHeader(key, '2.9').set(2, [1]);
  await assert.rejects(
    verifyReceipt({
      receipt: ledger.receipt({ seqno: 3, signatureSeqno: 9, key, header: critical }),
      serviceIdentity: key.spki,
    }),
    codeIs('ReceiptSignatureInvalid'),
  );
});

test('a receipt without verifiable data structure 2 is refused', () => {
  const { ledger } = sample();
  const header = protectedHeader(key, '2.9').set(395, 1);
  const receipt = ledger.receipt({ seqno: 3, signatureSeqno: 9, key, header });
  assert.throws(() => parseReceipt(receipt), codeIs('ReceiptMalformed'));
});

test('a proof that belongs to another position than the commit evidence names is refused', async () => {
  const { ledger } = sample();
  const good = parseReceipt(ledger.receipt({ seqno: 7, signatureSeqno: 14, key }));
  const { protectedBytes, signature } = good.message;
  const other = parseReceipt(ledger.receipt({ seqno: 6, signatureSeqno: 14, key }));
  const [proof, otherProof] = [good.proofs[0], other.proofs[0]];
  assert.ok(proof && otherProof);
  const mixed = encodeReceipt({
    protectedBytes,
    signature,
    proofs: [{ ...proof, path: otherProof.path }],
  });
  await assert.rejects(
    verifyReceipt({ receipt: mixed, serviceIdentity: key.spki }),
    codeIs('ReceiptPositionInvalid'),
  );
  const two = encodeReceipt({ protectedBytes, signature, proofs: [proof, otherProof] });
  await assert.rejects(
    verifyReceipt({ receipt: two, serviceIdentity: key.spki }),
    codeIs('ReceiptMalformed'),
  );
});

test('commit evidence in another form is refused', async () => {
  const { ledger } = sample();
  const { message, proofs } = parseReceipt(ledger.receipt({ seqno: 7, signatureSeqno: 14, key }));
  const [proof] = proofs;
  assert.ok(proof);
  for (const commitEvidence of ['', 'ce:2.7:00', `ce:2.07:${'0'.repeat(64)}`, 'ce:2.7']) {
    const receipt = encodeReceipt({ ...message, proofs: [{ ...proof, commitEvidence }] });
    await assert.rejects(
      verifyReceipt({ receipt, serviceIdentity: key.spki }),
      codeIs('ReceiptMalformed'),
    );
  }
});

test('a receipt for other claims than the expected ones is refused', async () => {
  const { ledger, claims } = sample();
  const receipt = ledger.receipt({ seqno: 7, signatureSeqno: 14, key });
  await verifyReceipt({ receipt, serviceIdentity: key.spki, claimsDigest: claims });
  await assert.rejects(
    verifyReceipt({ receipt, serviceIdentity: key.spki, claimsDigest: noClaims }),
    codeIs('ReceiptClaimsMismatch'),
  );
});

test('the digest of opened claims is SHA-256 over the parts', async () => {
  const parts = ['salt', 'chain', 'transaction'].map(utf8Encode);
  assert.equal(
    toHex(await claimsDigestOf(parts)),
    toHex(sha256(utf8Encode('saltchaintransaction'))),
  );
  assert.equal(toHex(await webSha256()), toHex(sha256()));
});

test('a service identity is taken as certificate, public key in PEM, or DER, and nothing else', async () => {
  const { ledger } = sample();
  for (const curve of ['P-256', 'P-384', 'P-521'] as const) {
    const service = SigningKey.generate(curve);
    const receipt = ledger.receipt({ seqno: 5, signatureSeqno: 8, key: service });
    const certificate = await createCertificate({
      subject: 'Coco Service',
      key: service,
      isAuthority: true,
      notBeforeMs: 1_790_000_000_000,
      days: 365,
    });
    const base64 = Buffer.from(service.spki).toString('base64');
    const pem = `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`;
    for (const serviceIdentity of [certificate, pem, service.spki]) {
      const verified = await verifyReceipt({ receipt, serviceIdentity });
      assert.equal(verified.serviceId, service.id);
    }
    const notAPoint = Uint8Array.from(service.spki);
    notAPoint[notAPoint.length - 1] = (notAPoint.at(-1) as number) ^ 1;
    const bad = [
      '',
      'text',
      pem.replace('M', '*'),
      certificate.slice(0, 300),
      service.spki.slice(1),
    ];
    for (const serviceIdentity of [...bad, notAPoint]) {
      await assert.rejects(
        verifyReceipt({ receipt, serviceIdentity }),
        codeIs('ServiceIdentityInvalid'),
      );
    }
  }
});

test('a receipt of before recoveries verifies through the chain of endorsements', async () => {
  const [first, second, third] = [0, 1, 2].map(() => SigningKey.generate('P-256'));
  assert.ok(first && second && third);
  const { ledger } = sample();
  const receipt = ledger.receipt({ seqno: 5, signatureSeqno: 8, key: first });
  const older = endorse({ key: second, endorsed: first.spki, begin: '2.1', end: '2.14' });
  const newer = endorse({ key: third, endorsed: second.spki, begin: '4.15', end: '4.30' });
  const serviceIdentity = third.spki;
  const verified = await verifyReceipt({
    receipt,
    serviceIdentity,
    endorsements: [newer, older],
  });
  assert.equal(verified.serviceId, first.id);
  assert.equal(verified.isCurrentIdentity, false);

  const refusals: [string, Uint8Array[] | undefined][] = [
    ['ReceiptKeyMismatch', undefined],
    ['EndorsementChainBroken', []],
    ['EndorsementChainBroken', [newer]],
    ['EndorsementSignatureInvalid', [older, newer]],
    [
      'EndorsementSignatureInvalid',
      [newer.map((b, i) => (i === newer.length - 1 ? b ^ 1 : b)), older],
    ],
    ['EndorsementMalformed', [newer.slice(1), older]],
    ['EndorsementMalformed', [newer, encodeCbor(new Map())]],
    [
      'EndorsementEpochMismatch',
      [newer, endorse({ key: second, endorsed: first.spki, begin: '2.1', end: '2.7' })],
    ],
    [
      'EndorsementChainBroken',
      [newer, endorse({ key: second, endorsed: first.spki, begin: '2.1', end: '2.15' })],
    ],
    [
      'EndorsementChainBroken',
      [endorse({ key: third, endorsed: third.spki, begin: '2.1' }), older],
    ],
    ['EndorsementChainBroken', Array.from({ length: 65 }, () => newer)],
  ];
  for (const [code, endorsements] of refusals) {
    await assert.rejects(
      verifyReceipt({ receipt, serviceIdentity, ...(endorsements && { endorsements }) }),
      codeIs(code),
    );
  }
});
