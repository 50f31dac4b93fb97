import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asView, toBase64, utf8Decode, utf8Encode } from '@coco/base';
import { createCertificate, parseCertificate, SigningKey } from '@coco/crypto';
import { ClientSession, type Endpoint, jsonResponse, type Response } from '@coco/endpoint';
import { httpError } from '@coco/http';
import { createTwoNodes, forwardingMsMax, type TestNode } from './two-nodes.ts';

const map = 'test.rows';
const user = parseCertificate(
  await createCertificate({
    subject: 'user',
    key: SigningKey.generate('P-256'),
    isAuthority: false,
    notBeforeMs: 0,
    days: 36_500,
  }),
);

const base = { authentication: ['any_cert', 'no_auth'] } as const;
const endpoints: readonly Endpoint[] = [
  {
    ...base,
    method: 'POST',
    path: '/app/write',
    mode: 'write',
    handle: (transaction, { request, caller }) => {
      transaction.map(map).set(utf8Encode('a'), request.body);
      const id = 'id' in caller ? caller.id : null;
      return {
        response: jsonResponse({ id, token: request.headers.get('authorization') ?? null }),
      };
    },
  },
  {
    ...base,
    method: 'GET',
    path: '/app/read',
    mode: 'read',
    handle: (view) =>
      jsonResponse(utf8Decode(view.map(map).get(utf8Encode('a')) ?? utf8Encode('-'))),
  },
  {
    ...base,
    method: 'GET',
    path: '/app/self',
    mode: 'command',
    isSessionExempt: true,
    handle: () => jsonResponse('here'),
  },
  {
    ...base,
    method: 'GET',
    path: '/app/elsewhere',
    mode: 'read',
    redirectionStrategy: 'to_backup',
    handle: () => jsonResponse('here'),
  },
];

const write = { method: 'POST', path: '/app/write', body: utf8Encode('one') } as const;
const bodyOf = ({ body }: Response) => JSON.parse(utf8Decode(body));
const codeOf = (response: Response): unknown => bodyOf(response).error?.code;
const idOf = ({ headers }: Response): unknown => headers['x-ms-ccf-transaction-id'];

/** Lets what is under way go on, and time pass. */
async function pass(node: TestNode, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10) {
    await new Promise((done) => setImmediate(done));
    node.harness.clock.advance(10);
  }
}

suite('a request to a backup', () => {
  test('that writes is answered by the primary, who names the caller itself', async () => {
    const { primary, backup } = await createTwoNodes(endpoints);
    const answer = await backup.answer({
      ...write,
      headers: new Map([['authorization', 'Bearer x']]),
      clientCertificate: user.der,
    });
    assert.equal(answer.status, 200);
    assert.deepEqual(bodyOf(answer), { id: user.id, token: 'Bearer x' });
    assert.equal(idOf(answer), '2.3');
    assert.equal(primary.harness.read('a'), 'one');
    assert.equal(backup.harness.read('a'), undefined);
    assert.equal(bodyOf(await backup.answer(write)).id, null, 'nobody is named without proof');
  });

  test('that reads is answered where it is asked, until the session has written', async () => {
    const { primary, backup } = await createTwoNodes(endpoints);
    primary.harness.write('a', 'of the primary');
    const session = new ClientSession();
    const read = { path: '/app/read' };
    assert.equal(bodyOf(await backup.answer(read, session)), '-');
    await backup.answer(write, session);
    assert.equal(bodyOf(await backup.answer(read, session)), 'one');
    assert.equal(bodyOf(await backup.answer({ path: '/app/self' }, session)), 'here');
    assert.equal(bodyOf(await backup.answer(read)), '-', 'another session reads here');
  });

  test('waits for a primary and is carried out once when there is one', async () => {
    const { primary, backup } = await createTwoNodes(endpoints);
    backup.primaryId = undefined;
    const asked = backup.answer(write);
    await pass(backup, 500);
    assert.equal(primary.harness.read('a'), undefined);
    // The other is named before it may execute, and refuses; nothing is lost by it.
    primary.isExecuting = false;
    backup.primaryId = primary.nodeId;
    await pass(backup, 100);
    assert.equal(primary.codes.at(-1), 'RequestAlreadyForwarded');
    primary.isExecuting = true;
    await pass(backup, 100);
    assert.equal((await asked).status, 200);
    assert.equal(primary.harness.tracker.lastExecuted, 3);
  });

  test('is carried out here when this node becomes the primary', async () => {
    const { backup } = await createTwoNodes(endpoints);
    backup.primaryId = undefined;
    const asked = backup.answer(write);
    await pass(backup, 100);
    backup.harness.pipeline.startExecuting(asView(3));
    backup.primaryId = backup.nodeId;
    backup.isExecuting = true;
    await pass(backup, 50);
    assert.equal((await asked).status, 200);
    assert.equal(backup.harness.read('a'), 'one');
  });

  test('gets 503 PrimaryNotFound when no primary is found in time', async () => {
    const { backup } = await createTwoNodes(endpoints);
    for (const primaryId of [undefined, backup.nodeId]) {
      backup.primaryId = primaryId;
      const asked = backup.answer(write);
      await pass(backup, forwardingMsMax + 100);
      const answer = await asked;
      assert.equal(answer.status, 503);
      assert.equal(codeOf(answer), 'PrimaryNotFound');
      assert.equal(answer.headers['retry-after'], '1');
    }
  });

  test('is sent again where nobody was reached, and never where the answer is lost', async () => {
    const { primary, backup } = await createTwoNodes(endpoints);
    const { call } = backup;
    let calls = 0;
    backup.call = async (...asked) => {
      calls++;
      if (calls < 3) throw httpError('NodeUnreachable', 'gone');
      return call(...asked);
    };
    const reached = backup.answer(write);
    await pass(backup, 200);
    assert.equal((await reached).status, 200);
    assert.equal(calls, 3);
    backup.call = async (...asked) => {
      calls++;
      await call(...asked);
      throw httpError(
        'NodeAnswerLost',
        'The answer is lost. The request may have been carried out.',
      );
    };
    const answer = await backup.answer(write);
    assert.equal(answer.status, 504);
    assert.equal(codeOf(answer), 'NodeAnswerLost');
    assert.equal(calls, 4);
    assert.equal(primary.harness.tracker.lastExecuted, 4, 'it was carried out, as it says');
  });

  test('does not wait for a node that lost office and does not answer', async () => {
    const { backup } = await createTwoNodes(endpoints);
    backup.call = (_nodeId, _request, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(httpError('NodeAnswerLost', 'given up')));
      });
    const asked = backup.answer(write);
    await pass(backup, 1_000);
    let isAnswered = false;
    void asked.then(() => {
      isAnswered = true;
    });
    await pass(backup, 10);
    assert.equal(isAnswered, false, 'a primary in office is waited for');
    backup.primaryId = undefined;
    await pass(backup, 700);
    assert.equal(codeOf(await asked), 'NodeAnswerLost');
  });
});

suite('who says that he forwards a request', () => {
  const header = 'x-coco-forwarded';
  const claimed = new Map([
    [header, '1'],
    [`${header}-certificate`, toBase64(user.der)],
  ]);

  test('is refused if he is no trusted node, whatever else he shows', async () => {
    const { primary } = await createTwoNodes(endpoints);
    for (const clientCertificate of [undefined, user.der]) {
      for (const name of [header, `${header}-certificate`, `${header}-other`]) {
        const headers = new Map([[name, '1']]);
        const answer = await primary.answer({ ...write, headers, clientCertificate });
        assert.equal(answer.status, 403);
        assert.equal(codeOf(answer), 'AuthorizationFailed');
      }
    }
    assert.equal(primary.harness.read('a'), undefined);
  });

  test('is taken at his word on the certificate, and no header of it goes further', async () => {
    const { primary, backup } = await createTwoNodes(endpoints);
    const headers = new Map([...claimed, ['authorization', 'Bearer y']]);
    const answer = await primary.answer({
      ...write,
      headers,
      clientCertificate: backup.certificate,
    });
    assert.deepEqual(bodyOf(answer), { id: user.id, token: 'Bearer y' });
  });

  test('gets no request forwarded once more', async () => {
    const { primary, backup } = await createTwoNodes(endpoints);
    primary.isExecuting = false;
    primary.primaryId = backup.nodeId;
    const asked = { ...write, headers: claimed, clientCertificate: backup.certificate };
    const answer = await primary.answer(asked);
    assert.equal(answer.status, 503);
    assert.equal(codeOf(answer), 'RequestAlreadyForwarded');
  });

  test('is refused a view that is none', async () => {
    const { primary, backup } = await createTwoNodes(endpoints);
    const headers = new Map([[`${header}-view`, '99999999999']]);
    const answer = await primary.answer({
      ...write,
      headers,
      clientCertificate: backup.certificate,
    });
    assert.equal(codeOf(answer), 'InvalidHeaderValue');
  });
});

suite('a session', () => {
  test('ends when the view is another one than at its first request', async () => {
    const { primary } = await createTwoNodes(endpoints);
    const session = new ClientSession();
    await primary.answer(write, session);
    primary.view = asView(3);
    for (const asked of [{ ...write, body: utf8Encode('two') }, { path: '/app/read' }]) {
      const answer = await primary.answer(asked, session);
      assert.equal(answer.status, 500);
      assert.equal(codeOf(answer), 'SessionConsistencyLost');
      assert.equal(answer.headers.connection, 'close');
    }
    assert.equal(primary.harness.read('a'), 'one', 'nothing was carried out');
    assert.equal((await primary.answer({ path: '/app/self' }, session)).status, 200);
    assert.equal((await primary.answer(write, new ClientSession())).status, 200);
  });

  test('ends when the primary that answers it is of another view', async () => {
    const { primary, backup } = await createTwoNodes(endpoints);
    const session = new ClientSession();
    await backup.answer(write, session);
    primary.view = asView(3);
    const answer = await backup.answer({ ...write, body: utf8Encode('two') }, session);
    assert.equal(codeOf(answer), 'SessionConsistencyLost');
    assert.equal(answer.headers.connection, 'close');
    assert.equal(answer.headers['x-coco-forwarding'], undefined);
    assert.equal(primary.harness.read('a'), 'one');
  });

  test('goes on where its first request waited out the change of primary', async () => {
    const { primary, backup } = await createTwoNodes(endpoints);
    const session = new ClientSession();
    const { call } = backup;
    let calls = 0;
    backup.call = async (...asked) => {
      if (++calls === 1) throw httpError('NodeUnreachable', 'gone');
      return call(...asked);
    };
    const asked = backup.answer(write, session);
    backup.view = asView(3);
    primary.view = asView(3);
    await pass(backup, 100);
    assert.equal((await asked).status, 200);
    assert.equal(calls, 2);
    assert.equal(session.view, 3);
  });

  test('ends although its request waited out the change of primary', async () => {
    const { primary, backup } = await createTwoNodes(endpoints);
    const session = new ClientSession();
    await backup.answer(write, session);
    backup.primaryId = undefined;
    const asked = backup.answer(write, session);
    await pass(backup, 100);
    backup.view = asView(3);
    backup.primaryId = primary.nodeId;
    await pass(backup, 50);
    assert.equal(codeOf(await asked), 'SessionConsistencyLost');
    assert.equal(primary.harness.tracker.lastExecuted, 3);
  });
});

suite('an interface that redirects', () => {
  const byRole = (role: 'primary' | 'backup', interfaceName?: string) =>
    ({ kind: 'NodeByRole', role, interfaceName }) as const;

  test('points to the primary’s interface of the same name, or of the one that is set', async () => {
    const { backup } = await createTwoNodes(endpoints);
    backup.redirections = { toPrimary: byRole('primary'), toBackup: undefined };
    const answer = await backup.answer({ ...write, target: '/app/write?a=1' });
    assert.equal(answer.status, 307);
    assert.equal(answer.headers.location, 'https://node0.example:443/app/write?a=1');
    backup.redirections = { toPrimary: byRole('primary', 'plain'), toBackup: undefined };
    const plain = await backup.answer(write);
    assert.equal(plain.headers.location, 'http://127.0.0.1:800/app/write');
    assert.equal((await backup.answer({ path: '/app/read' })).status, 200);
  });

  test('points to an address that is set, and answers itself what is its own', async () => {
    const { primary, backup } = await createTwoNodes(endpoints);
    const address = 'balancer.example:443';
    const toPrimary = { kind: 'StaticAddress', address } as const;
    backup.redirections = { toPrimary, toBackup: undefined };
    primary.redirections = { toPrimary, toBackup: byRole('backup') };
    const answer = await backup.answer(write);
    assert.equal(answer.headers.location, 'https://balancer.example:443/app/write');
    assert.equal((await primary.answer(write)).status, 200);
    const elsewhere = { path: '/app/elsewhere' };
    const pointed = await primary.answer(elsewhere);
    assert.equal(pointed.headers.location, 'https://node1.example:443/app/elsewhere');
    assert.equal((await backup.answer(elsewhere)).status, 200);
  });

  test('says so where it knows no node to point to', async () => {
    const { primary, backup } = await createTwoNodes(endpoints);
    backup.redirections = { toPrimary: undefined, toBackup: undefined };
    primary.redirections = { toPrimary: undefined, toBackup: undefined };
    assert.equal(codeOf(await backup.answer(write)), 'PrimaryNotFound');
    assert.equal(codeOf(await primary.answer({ path: '/app/elsewhere' })), 'BackupNotFound');
    backup.redirections = { toPrimary: byRole('primary'), toBackup: undefined };
    backup.primaryId = undefined;
    const asked = backup.answer(write);
    await pass(backup, forwardingMsMax + 100);
    assert.equal(codeOf(await asked), 'PrimaryNotFound');
  });
});

suite('a read that asks to be current', () => {
  const current = { path: '/app/read', headers: new Map([['x-coco-read', 'current']]) };

  test('shows what is committed, once a majority confirmed that nothing newer is', async () => {
    const { primary } = await createTwoNodes(endpoints);
    const { harness } = primary;
    harness.write('a', 'committed');
    await harness.settle();
    harness.commit(1);
    harness.write('a', 'executed');
    const confirmed = Promise.withResolvers<void>();
    primary.becomeCurrent = () => confirmed.promise;
    const asked = primary.answer(current);
    assert.equal(bodyOf(await primary.answer({ path: '/app/read' })), 'executed');
    confirmed.resolve();
    const answer = await asked;
    assert.equal(bodyOf(answer), 'committed');
    assert.equal(idOf(answer), '2.4');
  });

  test('is refused by a node that no majority confirms', async () => {
    const { primary } = await createTwoNodes(endpoints);
    primary.becomeCurrent = () => Promise.reject(httpError('NodeUnreachable', 'cut off'));
    for (const path of ['/app/read', '/app/self']) {
      assert.equal((await primary.answer({ ...current, path })).status, 503);
    }
  });
});
