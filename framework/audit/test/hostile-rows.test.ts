/** A hostile service writes anything into governance: the audit ends, and believes none of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeJson, SeededRandom, utf8Encode } from '@coco/base';
import { auditService, namesIn, printable, tellEvent } from '../src/index.ts';
import { Consortium, folder } from './sample-consortium.ts';
import { createMember } from './sample-identity.ts';

const members = await Promise.all(['Alpha', 'Beta', 'Gamma'].map(createMember));
const seed = 11;
const names = [
  ...['members.certs', 'members.encryption_public_keys', 'members.info', 'members.acks'],
  ...['users.certs', 'users.info', 'nodes.info', 'nodes.endorsed_certificates', 'constitution'],
  ...['service.config', 'proposals', 'proposals_info', 'cose_history', 'cose_recent_proposals'],
  ...['jwt.issuers', 'jwt.public_signing_keys_metadata_v2', 'a table that nobody knows'],
].map((name) => `public:ccf.gov.${name}`);
const tables = [
  ...names,
  'public:coco.gov.rules',
  'public:coco.gov.clock',
  'public:coco.gov.wakeups',
  'public:coco.gov.proposal_times',
  'public:ccf.internal.recovery_shares',
  'public:ccf.internal.encrypted_ledger_secrets',
  'public:ccf.internal.encrypted_submitted_shares',
  'public:ccf.internal.previous_service_identity_endorsement',
];

function junk(random: SeededRandom, id: string): Uint8Array {
  const texts = [
    '{}',
    'null',
    '[]',
    '"text"',
    '{"status":"Active","member_data":{"name":"\\u001b[31mred\\u202e"}}',
    '{"status":"Trusted","encryption_pub_key":"x","quote_info":{}}',
    `{"proposer_id":"${id}","state":"Accepted","ballots":{"__proto__":"x"},"final_votes":{"a":true}}`,
    '{"proposer_id":"x","state":"Open","ballots":{}}',
    '99999999999999',
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
  ];
  const choice = random.below(texts.length + 3);
  return utf8Encode(texts[choice] ?? '').length > 0
    ? utf8Encode(texts[choice] ?? '')
    : random.bytes(1 + random.below(300));
}

test(`rows of any kind end in findings, never in a crash (seed ${seed})`, async () => {
  const random = new SeededRandom(seed);
  const consortium = await Consortium.open(members);
  const id = members[0]?.id ?? '';
  const keys = [new Uint8Array(8), utf8Encode(id), random.bytes(5), utf8Encode('ab'.repeat(32))];
  const first = consortium.store.seqno + 1;
  for (let at = 0; at < 300; at++) {
    consortium.write((rows) => {
      for (let count = 1 + random.below(3); count > 0; count--) {
        const table = tables[random.below(tables.length)] ?? '';
        rows.map(table).set(keys[random.below(keys.length)] ?? encodeJson(at), junk(random, id));
      }
    });
    if (at % 20 === 19) await consortium.sign();
  }
  const audit = await auditService({ disk: consortium.disk, folder });
  assert.ok(audit.findings.length >= 90, `${audit.findings.length} of 300 are enough for a report`);
  assert.ok(audit.findings.every(({ seqno = 0 }) => seqno >= first));
  assert.equal(audit.ledger.lastSigned.seqno, consortium.store.seqno, 'the walk goes on');
  for (const event of audit.story) {
    const { sentence, details } = tellEvent(event, namesIn([]));
    for (const line of [sentence, ...details]) assert.equal(line, printable(line));
  }
});
