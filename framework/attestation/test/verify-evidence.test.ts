import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CborKey,
  type CborValue,
  encodeCbor,
  encodeSignOne,
  LedgerError,
  signatureInput,
  toHex,
  utf8Encode,
} from '@coco/base';
import { createCertificate, SigningKey, sha256 } from '@coco/crypto';
import {
  type Evidence,
  type EvidencePolicy,
  reportDataOf,
  VirtualPlatform,
  type VirtualPolicy,
  verifyEvidence,
} from '../src/index.ts';

const root = SigningKey.generate('P-384');
const node = SigningKey.generate('P-384');
const measurement = toHex(sha256(utf8Encode('code')));
const hostData = toHex(sha256(utf8Encode('launcher')));
const platform = new VirtualPlatform({ root, measurement, hostData });
const accepted: VirtualPolicy = {
  roots: [root.spki],
  measurements: [measurement],
  hostData: [hostData],
};

async function evidenceOf(key = node): Promise<Evidence> {
  return platform.evidenceFor(await reportDataOf(key.spki));
}

function refusedFor(check: string, message?: string) {
  return (error: unknown) =>
    error instanceof LedgerError &&
    error.code === 'InvalidQuote' &&
    error.metadata.check === check &&
    (message === undefined || error.message === message);
}

function verify(evidence: Evidence, virtual: Partial<VirtualPolicy> = {}) {
  return verifyEvidence({
    evidence,
    policy: { virtual: { ...accepted, ...virtual } },
    nodeSpki: node.spki,
  });
}

test('evidence that the pinned root signed for this node and an accepted code verifies', async () => {
  const verified = await verify(await evidenceOf());
  assert.deepEqual(verified, {
    format: 'Insecure_Virtual',
    measurement,
    hostData,
    nodeId: node.id,
    isConfidential: false,
    rootId: root.id,
  });
});

test('the root may be given as a certificate, and measurement and host data left to it', async () => {
  const certificate = await createCertificate({
    subject: 'Development root',
    key: root,
    isAuthority: true,
    notBeforeMs: 1_790_000_000_000,
    days: 365,
  });
  const verified = await verify(await evidenceOf(), {
    roots: [certificate],
    measurements: 'any',
    hostData: 'any',
  });
  assert.equal(verified.rootId, root.id);
});

test('report data of 64 bytes binds the key with its first half', async () => {
  const reportData = new Uint8Array(64).fill(7);
  reportData.set(await reportDataOf(node.spki));
  assert.equal((await verify(await platform.evidenceFor(reportData))).nodeId, node.id);
});

test('virtual evidence is refused where the policy does not name the platform', async () => {
  const policy: EvidencePolicy = {};
  await assert.rejects(
    verifyEvidence({ evidence: await evidenceOf(), policy, nodeSpki: node.spki }),
    refusedFor('platform'),
  );
});

test('evidence by another root is refused, with its key id and with ours', async () => {
  const other = SigningKey.generate('P-384');
  const evidence = await evidenceOf();
  await assert.rejects(verify(evidence, { roots: [other.spki] }), refusedFor('endorsements'));
  await assert.rejects(verify(evidence, { roots: [] }), refusedFor('endorsements'));
  const liar = new VirtualPlatform({
    root: { spki: root.spki, sign: (input) => other.sign(input) },
    measurement,
    hostData,
  });
  await assert.rejects(
    verify(await liar.evidenceFor(await reportDataOf(node.spki))),
    refusedFor('endorsements', 'Quote could not be verified'),
  );
});

test('each refusal of the policy has the text that CCF gives', async () => {
  const evidence = await evidenceOf();
  await assert.rejects(
    verify(evidence, { measurements: ['other'] }),
    refusedFor('measurement', 'Quote does not contain known enclave measurement'),
  );
  await assert.rejects(
    verify(evidence, { hostData: [] }),
    refusedFor('host-data', 'Quote host data is not authorised'),
  );
  await assert.rejects(
    verify(await evidenceOf(SigningKey.generate('P-384'))),
    refusedFor('report-data', "Quote report data does not contain node's public key hash"),
  );
});

test('a signature that the root made for another purpose is not evidence', async () => {
  const evidence = await evidenceOf();
  const protectedBytes = encodeCbor(
    new Map<CborKey, CborValue>([
      [1, root.algorithm],
      [4, utf8Encode(root.id)],
    ]),
  );
  const signature = root.sign(signatureInput(protectedBytes, evidence.quote));
  const endorsements = encodeSignOne({ protectedBytes, payload: null, signature });
  await assert.rejects(verify({ ...evidence, endorsements }), refusedFor('endorsements'));
});

test('plain CCF virtual evidence, which nobody signs, is refused', async () => {
  const evidence = await evidenceOf();
  await assert.rejects(
    verify({ ...evidence, endorsements: new Uint8Array(0) }),
    (error: unknown) => error instanceof LedgerError && error.code === 'EvidenceMalformed',
  );
});

test('evidence of a platform that is not built in is refused, whatever the policy says', async () => {
  const evidence = await evidenceOf();
  for (const format of ['AMD_SEV_SNP_v1', 'OE_SGX_v1', 'Intel_TDX', '']) {
    await assert.rejects(
      verify({ ...evidence, format }),
      (error: unknown) =>
        error instanceof LedgerError && error.code === 'UnsupportedEvidenceFormat',
    );
  }
});

test('evidence with any one bit flipped in quote or signature is refused', async () => {
  const fast = SigningKey.generate('P-256');
  const quick = new VirtualPlatform({ root: fast, measurement, hostData });
  const evidence = await quick.evidenceFor(await reportDataOf(node.spki));
  for (const part of ['quote', 'endorsements'] as const) {
    const bytes = evidence[part];
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      await assert.rejects(
        verify({ ...evidence, [part]: flipped }, { roots: [fast.spki] }),
        LedgerError,
        `bit ${bit} of ${part}`,
      );
    }
  }
});
