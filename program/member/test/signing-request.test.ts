import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { fromBase64, type JsonValue, parseJson, toBase64, utf8Encode } from '@coco/base';
import { verifyCose } from '@coco/crypto';
import { parseGovernanceMessage } from '@coco/endpoint';
import {
  encodeSigningRequest,
  finishRequest,
  type MemberRequest,
  parseSigningRequest,
  prepareRequest,
} from '../src/signing-request.ts';
import { createTestMember } from './members.ts';

const proposalId = 'ab'.repeat(32);
const createdAtSeconds = 1_800_000_000;
const ballot: MemberRequest = {
  type: 'ballot',
  payload: utf8Encode('{"ballot":"x"}'),
  proposalId,
  summary: 'Approve',
};
const { certificate, key } = await createTestMember('bank-a');
const other = await createTestMember('bank-b');

describe('a request that is signed elsewhere', () => {
  test('travels as a document, comes back and verifies', () => {
    const waiting = prepareRequest(ballot, { certificate, createdAtSeconds });
    const document = encodeSigningRequest(waiting);
    const fields = parseJson(document) as Record<string, string>;
    const toBeSigned = fromBase64(fields.toBeSigned ?? '');
    const digest = createHash(fields.hash ?? '')
      .update(toBeSigned)
      .digest();
    assert.equal(fields.digest, toBase64(digest));
    assert.equal(fields.summary, 'Approve');
    assert.equal(fields.memberId, certificate.id);
    const again = parseSigningRequest(document);
    const signed = finishRequest(again, key.sign(toBeSigned));
    const place = `/gov/members/proposals/${proposalId}/ballots/${certificate.id}:submit`;
    assert.equal(signed.path, place);
    const { header } = parseGovernanceMessage(signed.body);
    assert.deepEqual(
      [header.type, header.createdAt, header.proposalId, header.keyId],
      ['ballot', createdAtSeconds, proposalId, certificate.id],
    );
    const message = verifyCose({ bytes: signed.body, spki: certificate.spki, bytesMax: 4096 });
    assert.deepEqual(message.payload, ballot.payload);
  });

  test('goes to the place that its type says', () => {
    const places: readonly (readonly [MemberRequest['type'], string])[] = [
      ['proposal', '/gov/members/proposals:create'],
      ['withdrawal', `/gov/members/proposals/${proposalId}:withdraw`],
      ['state_digest', `/gov/members/state-digests/${certificate.id}:update`],
      ['ack', `/gov/members/state-digests/${certificate.id}:ack`],
      ['recovery_share', `/gov/recovery/members/${certificate.id}:recover`],
    ];
    for (const [type, path] of places) {
      const waiting = prepareRequest({ ...ballot, type }, { certificate, createdAtSeconds });
      assert.equal(finishRequest(waiting, key.sign(waiting.prepared.toBeSigned)).path, path);
    }
  });

  test('needs a proposal’s id where its address has one', () => {
    for (const id of [undefined, '', '../x', 'AB'.repeat(32), `${proposalId}0`]) {
      const { proposalId: _, ...rest } = ballot;
      const request = id === undefined ? rest : { ...rest, proposalId: id };
      const refused = { code: 'SigningRequestInvalid', message: /64 hex digits/ };
      assert.throws(() => prepareRequest(request, { certificate, createdAtSeconds }), refused);
    }
  });

  test('is not finished by a signature of somebody else', () => {
    const waiting = prepareRequest(ballot, { certificate, createdAtSeconds });
    const stolen = other.key.sign(waiting.prepared.toBeSigned);
    assert.throws(() => finishRequest(waiting, stolen), { code: 'SignerFailed' });
  });

  test('whose document was changed anywhere is refused, or still says the same', () => {
    const document = encodeSigningRequest(
      prepareRequest(ballot, { certificate, createdAtSeconds }),
    );
    const fields = parseJson(document) as Record<string, JsonValue>;
    const changes: Record<string, JsonValue> = {
      format: 'coco-signing-request-2',
      type: 'proposal',
      certificate: other.certificate.pem,
      protected: toBase64(utf8Encode('no map')),
      payload: toBase64(utf8Encode('{"ballot":"y"}')),
      toBeSigned: toBase64(utf8Encode('anything')),
      summary: 7,
    };
    for (const [name, value] of Object.entries(changes)) {
      const bytes = utf8Encode(JSON.stringify({ ...fields, [name]: value }));
      assert.throws(() => parseSigningRequest(bytes), { code: 'SigningRequestInvalid' }, name);
      const { [name]: _, ...without } = fields;
      const lacking = utf8Encode(JSON.stringify(without));
      assert.throws(() => parseSigningRequest(lacking), { code: 'SigningRequestInvalid' }, name);
    }
    for (const text of ['', '{', '[]', 'null', '{"format":1}']) {
      const refused = { code: 'SigningRequestInvalid' };
      assert.throws(() => parseSigningRequest(utf8Encode(text)), refused, text);
    }
    const original = prepareRequest(ballot, { certificate, createdAtSeconds });
    for (let at = 0; at < document.length; at++) {
      const flipped = document.map((byte, place) => (place === at ? byte ^ 1 : byte));
      let parsed: ReturnType<typeof parseSigningRequest>;
      try {
        parsed = parseSigningRequest(flipped);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'SigningRequestInvalid', `byte ${at}`);
        continue;
      }
      assert.deepEqual(parsed.prepared.toBeSigned, original.prepared.toBeSigned, `byte ${at}`);
    }
  });
});
