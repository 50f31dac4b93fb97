/** What a service signs although no member did: every hash fits, and the audit finds it. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { encodeJson, toBase64, utf8Encode } from '@coco/base';
import {
  constitution,
  governanceHistory,
  identityEndorsement,
  memberAcks,
  memberInfos,
  nodeInfos,
  proposalInfos,
  serviceConfig,
} from '@coco/governance';
import type { Transaction } from '@coco/kv';
import { auditService } from '../src/index.ts';
import { Consortium, folder } from './sample-consortium.ts';
import { createMember, setStatus } from './sample-identity.ts';

const members = await Promise.all(['Alpha', 'Beta', 'Gamma'].map(createMember));
const stranger = await createMember('Stranger');
const [alpha, beta, gamma] = members;
assert.ok(alpha && beta && gamma);
const actions = [{ name: 'set_recovery_threshold', args: { recovery_threshold: 2 } }];

interface Misdeed {
  readonly what: string;
  readonly act: (consortium: Consortium) => Promise<unknown>;
  readonly codes: readonly string[];
}

/** One write, signed by the service. */
async function written(
  consortium: Consortium,
  run: Parameters<Consortium['write']>[0],
): Promise<void> {
  consortium.write(run);
  await consortium.sign();
}

function setClock(rows: Transaction, atMs: number): void {
  rows.map('public:coco.gov.clock').set(new Uint8Array(8), encodeJson(atMs));
}

function setWakeup(rows: Transaction, id: string, atMs: number): void {
  const key = `${String(atMs).padStart(13, '0')}:${id}`;
  rows.map('public:coco.gov.wakeups').set(utf8Encode(key), new Uint8Array(8));
}

function reject(rows: Transaction, id: string): void {
  const info = proposalInfos.get(rows, id);
  if (info) proposalInfos.put(rows, id, { ...info, state: 'Rejected', final_votes: {} });
}

const misdeeds: readonly Misdeed[] = [
  {
    what: 'a member that nobody voted for',
    act: (service) =>
      written(service, (rows) => memberInfos.put(rows, stranger.id, { status: 'Active' })),
    codes: ['ChangeUnauthorised'],
  },
  {
    what: 'a constitution that nobody voted for',
    act: (service) => written(service, (rows) => constitution.put(rows, 'export function x() {}')),
    codes: ['ChangeUnauthorised'],
  },
  {
    what: 'a rules document, an app or a policy that nobody voted for',
    act: (service) =>
      written(service, (rows) =>
        rows.map('public:coco.gov.rules').set(new Uint8Array(8), encodeJson({ version: 2 })),
      ),
    codes: ['ChangeUnauthorised'],
  },
  {
    what: 'a member that becomes active without acknowledgement',
    act: async (service) => {
      await service.carry([{ name: 'set_member', args: {} }], (rows) =>
        memberInfos.put(rows, stranger.id, { status: 'Accepted' }),
      );
      await written(service, (rows) => memberInfos.put(rows, stranger.id, { status: 'Active' }));
    },
    codes: ['ChangeUnauthorised'],
  },
  {
    what: 'a node that is trusted although the service is open',
    act: (service) =>
      written(service, (rows) => {
        const [[, info] = []] = nodeInfos.rows(rows);
        if (info) nodeInfos.put(rows, 'cd'.repeat(32), info);
      }),
    codes: ['ChangeUnauthorised'],
  },
  {
    what: 'a proposal that its proposer did not sign',
    act: (service) =>
      service.propose(alpha, actions, {
        request: service.signed(beta, { type: 'proposal', json: { actions } }),
      }),
    codes: ['RequestInvalid', 'RequestMissing'],
  },
  {
    what: 'a proposal of a stranger',
    act: (service) => service.propose(stranger, actions),
    codes: ['RequestInvalid', 'RequestMissing'],
  },
  {
    what: 'a proposal whose body was exchanged',
    act: (service) => service.propose(alpha, actions, { body: encodeJson({ actions: [] }) }),
    codes: ['RequestMismatch'],
  },
  {
    what: 'a proposal with an id of the service’s choice',
    act: (service) => service.propose(alpha, actions, { id: '12'.repeat(32) }),
    codes: ['ProposalIdMismatch'],
  },
  {
    what: 'a proposal that is submitted twice',
    act: async (service) => {
      const request = service.signed(alpha, { type: 'proposal', json: { actions } });
      await service.propose(alpha, actions, { request });
      await service.propose(alpha, actions);
      await service.propose(alpha, actions, { request });
    },
    codes: ['ProposalReplayed'],
  },
  {
    what: 'a proposal that is older than the window allows',
    act: (service) =>
      service.propose(alpha, actions, {
        request: service.signed(alpha, { type: 'proposal', json: { actions }, createdAt: 1 }),
      }),
    codes: ['ProposalReplayed'],
  },
  {
    what: 'a proposal that begins with ballots',
    act: (service) =>
      service.propose(alpha, actions, { info: { ballots: { [beta.id]: 'export…' } } }),
    codes: ['RequestMissing'],
  },
  {
    what: 'a ballot that its member did not sign',
    act: async (service) => {
      const id = await service.propose(alpha, actions);
      const json = { ballot: 'export function vote() { return true; }' };
      const request = service.signed(gamma, { type: 'ballot', proposalId: id, json });
      await service.vote(beta, id, { request });
    },
    codes: ['RequestInvalid', 'RequestMissing'],
  },
  {
    what: 'a ballot that was signed for another proposal',
    act: async (service) => {
      const [one, other] = [
        await service.propose(alpha, actions),
        await service.propose(beta, actions),
      ];
      const json = { ballot: 'export function vote() { return true; }' };
      const request = service.signed(gamma, { type: 'ballot', proposalId: one, json });
      await service.vote(gamma, other, { request });
    },
    codes: ['RequestMissing', 'RequestMismatch'],
  },
  {
    what: 'a ballot whose script was exchanged',
    act: async (service) => {
      const id = await service.propose(alpha, actions);
      await service.vote(beta, id, { script: 'export function vote() { return false; }' });
    },
    codes: ['RequestMismatch'],
  },
  {
    what: 'a ballot that changes later',
    act: async (service) => {
      const id = await service.propose(alpha, actions);
      await service.vote(beta, id);
      await service.vote(beta, id, { script: 'export function vote() { return false; }' });
    },
    codes: ['DecisionInvalid'],
  },
  {
    what: 'a decision without a ballot',
    act: async (service) => {
      const id = await service.propose(alpha, actions);
      await written(service, (rows) => {
        const info = proposalInfos.get(rows, id);
        if (info) proposalInfos.put(rows, id, { ...info, state: 'Accepted', final_votes: {} });
        serviceConfig.put(rows, { recovery_threshold: 2 });
      });
    },
    codes: ['DecisionInvalid'],
  },
  {
    what: 'a decision that counts votes nobody cast',
    act: async (service) => {
      const id = await service.propose(alpha, actions);
      const final_votes = { [alpha.id]: true, [beta.id]: true, [gamma.id]: true };
      await service.vote(beta, id, { decides: 'Accepted', info: { final_votes } });
    },
    codes: ['DecisionInvalid'],
  },
  {
    what: 'a decided proposal that is decided again',
    act: async (service) => {
      const id = await service.propose(alpha, actions);
      await service.vote(beta, id, { decides: 'Rejected' });
      await service.vote(gamma, id, { decides: 'Accepted' });
    },
    codes: ['DecisionInvalid'],
  },
  {
    what: 'an open proposal that disappears',
    act: async (service) => {
      const id = await service.propose(alpha, actions);
      await written(service, (rows) => proposalInfos.delete(rows, id));
    },
    codes: ['DecisionInvalid'],
  },
  {
    what: 'a ledger’s time that goes back',
    act: async (service) => {
      await written(service, (rows) => setClock(rows, 2000));
      await written(service, (rows) => setClock(rows, 1999));
    },
    codes: ['DecisionInvalid'],
  },
  {
    what: 'a submission that is dated back',
    act: (service) =>
      service.propose(alpha, actions, {
        apply: (rows) => {
          setClock(rows, 2000);
          const isOpen = proposalInfos.rows(rows).find(([, info]) => info.state === 'Open');
          const times = encodeJson({ submitted_at_ms: 1000 });
          rows.map('public:coco.gov.proposal_times').set(utf8Encode(isOpen?.[0] ?? ''), times);
        },
      }),
    codes: ['DecisionInvalid'],
  },
  {
    what: 'a decision before its time',
    act: async (service) => {
      const id = await service.propose(alpha, actions);
      await written(service, (rows) => setWakeup(rows, id, 5000));
      await written(service, (rows) => {
        setClock(rows, 4999);
        reject(rows, id);
      });
    },
    codes: ['DecisionInvalid'],
  },
  {
    what: 'an open proposal in the index of decided ones',
    act: async (service) => {
      const id = await service.propose(alpha, actions);
      await written(service, (rows) =>
        rows.map('public:coco.gov.decided').set(utf8Encode(id), new Uint8Array(8)),
      );
    },
    codes: ['DecisionInvalid'],
  },
  {
    what: 'an index of active members that is not of them',
    act: async (service) => {
      const index = (rows: Transaction) => rows.map('public:coco.gov.active_members');
      const mark = new Uint8Array(8);
      await written(service, (rows) => index(rows).set(utf8Encode(stranger.id), mark));
      await written(service, (rows) => index(rows).set(utf8Encode(alpha.id), mark));
      await written(service, (rows) => index(rows).delete(utf8Encode(alpha.id)));
    },
    codes: ['DecisionInvalid'],
  },
  {
    what: 'a withdrawal by somebody else',
    act: async (service) => {
      const id = await service.propose(alpha, actions);
      const request = service.signed(beta, { type: 'withdrawal', proposalId: id });
      await service.withdraw(alpha, id, request);
    },
    codes: ['RequestInvalid', 'RequestMissing'],
  },
  {
    what: 'a signed request that was ignored',
    act: async (service) => {
      const request = service.signed(alpha, { type: 'proposal', json: { actions } });
      await written(service, (rows) => governanceHistory.put(rows, alpha.id, request));
    },
    codes: ['RequestMismatch'],
  },
  {
    what: 'an acknowledgement that is not the member’s',
    act: async (service) => {
      await service.carry([{ name: 'set_member', args: {} }], (rows) => {
        rows
          .map('public:ccf.gov.members.certs')
          .set(utf8Encode(stranger.id), utf8Encode(stranger.certificatePem));
        memberInfos.put(rows, stranger.id, { status: 'Accepted' });
      });
      const stateDigest = service.lastSignedRoot();
      const request = service.signed(alpha, { type: 'ack', json: { stateDigest } });
      await written(service, (rows) => {
        memberInfos.put(rows, stranger.id, { status: 'Active' });
        const ack = { state_digest: stateDigest, cose_sign1_req: toBase64(request) };
        memberAcks.put(rows, stranger.id, ack);
      });
    },
    codes: ['RequestInvalid'],
  },
  {
    what: 'a state digest that the service never signed',
    act: (service) =>
      written(service, (rows) => memberAcks.put(rows, alpha.id, { state_digest: 'ef'.repeat(32) })),
    codes: ['RequestMismatch'],
  },
  {
    what: 'a row that does not parse',
    act: (service) =>
      written(service, (rows) =>
        rows.map(memberInfos.name).set(utf8Encode(alpha.id), utf8Encode('{"status":"Boss"}')),
      ),
    codes: ['RowMalformed'],
  },
  {
    what: 'a recovery that is opened by nobody',
    act: async (service) => {
      await service.beginRecovery();
      await written(service, (rows) => setStatus(rows, 'WaitingForRecoveryShares'));
      await service.publish();
    },
    codes: ['ChangeUnauthorised'],
  },
  {
    what: 'a recovery that brings a member along',
    act: async (service) => {
      await service.beginRecovery((rows) =>
        memberInfos.put(rows, stranger.id, { status: 'Active' }),
      );
      await service.publish();
    },
    codes: ['ChangeUnauthorised', 'DecisionInvalid'],
  },
  {
    what: 'a recovery that endorses another root',
    act: (service) => service.recover({ root: new Uint8Array(32) }),
    codes: ['EndorsementInvalid'],
  },
  {
    what: 'an endorsement that is none',
    act: (service) =>
      written(service, (rows) =>
        rows.map(identityEndorsement.name).set(new Uint8Array(8), utf8Encode('{}')),
      ),
    codes: ['EndorsementInvalid'],
  },
  {
    what: 'a node certificate that the service did not issue',
    act: (service) =>
      service.carry([{ name: 'renew', args: {} }], (rows) =>
        rows
          .map('public:ccf.gov.nodes.endorsed_certificates')
          .set(utf8Encode(service.identity.node.id), utf8Encode(stranger.certificatePem)),
      ),
    codes: ['CertificateNotIssued'],
  },
];

test('a proposal whose time is up ends without a ballot', async () => {
  const service = await Consortium.open(members);
  const id = await service.propose(alpha, actions);
  await written(service, (rows) => setWakeup(rows, id, 5000));
  await written(service, (rows) => {
    setClock(rows, 5000);
    reject(rows, id);
  });
  const audit = await auditService({ disk: service.disk, folder });
  assert.deepEqual(audit.findings, []);
  assert.equal(audit.proposals.at(-1)?.endedBy, 'time');
});

suite('a service that misbehaves', () => {
  for (const { what, act, codes } of misdeeds) {
    test(`${what} is found, with file and seqno`, async () => {
      const consortium = await Consortium.open(members);
      const before = consortium.store.seqno;
      await act(consortium);
      const audit = await auditService({ disk: consortium.disk, folder });
      const found = [...new Set(audit.findings.map(({ code }) => code))].sort();
      assert.deepEqual(found, [...codes].sort(), JSON.stringify(audit.findings));
      for (const { file, seqno = 0, sentence } of audit.findings) {
        assert.ok(file?.startsWith('ledger_'), sentence);
        assert.ok(seqno > before && seqno <= consortium.store.seqno, `${seqno}: ${sentence}`);
      }
    });
  }
});
