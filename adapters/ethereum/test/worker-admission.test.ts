/** Admission on worker threads gives what admission on this thread gives. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fromHex, LedgerError } from '@coco/base';
import { SameThreadAdmission } from '../src/admission.ts';
import { compileEngine } from '../src/create-adapter.ts';
import { WorkerAdmission } from '../src/worker-admission.ts';
import { alice, bob, chainId, createNetwork, engine } from './network.ts';

const pool = new WorkerAdmission({ engineModule: compileEngine(), threadCount: 2 });
after(() => pool.stop());

const raws = await Promise.all(
  Array.from({ length: 20 }, async (_, nonce) => {
    const authorization = await bob.signAuthorization({ chainId, address: bob.address, nonce });
    const base = { chainId, nonce, gas: 100_000n, to: bob.address };
    const raw =
      nonce % 2 === 0
        ? await alice.signTransaction({ ...base, type: 'eip1559' })
        : await alice.signTransaction({
            ...base,
            type: 'eip7702',
            authorizationList: [authorization],
          });
    return fromHex(raw);
  }),
);

test('threads admit in bulk what the same thread admits', async () => {
  const local = new SameThreadAdmission(engine);
  const admitted = await Promise.all(raws.map((raw) => pool.admit(raw)));
  const expected = await Promise.all(raws.map((raw) => local.admit(raw)));
  assert.deepEqual(admitted, expected);
});

test('refusals come back with code and words', async () => {
  const [bad, good] = [fromHex('02c0'), raws[0] as Uint8Array];
  const outcomes = await Promise.allSettled([pool.admit(bad), pool.admit(good)]);
  const [refused, admitted] = outcomes;
  assert.equal(admitted?.status, 'fulfilled');
  assert.ok(refused?.status === 'rejected' && refused.reason instanceof LedgerError);
  assert.equal(refused.reason.code, 'TransactionMalformed');
});

test('what waits is bounded, and a stopped pool refuses', async () => {
  const small = new WorkerAdmission({
    engineModule: compileEngine(),
    threadCount: 1,
    waitingMax: 2,
  });
  const outcomes = raws.slice(0, 3).map((raw) => small.admit(raw));
  await assert.rejects(outcomes[2] as Promise<unknown>, { code: 'PoolFull' });
  await Promise.all(outcomes.slice(0, 2));
  await small.stop();
  await assert.rejects(small.admit(raws[0] as Uint8Array), { code: 'AdmissionStopped' });
});

test('a batch of transactions goes through the pool into one block', async () => {
  const { post, host, rpc } = createNetwork({ admissionPool: pool }, { isAutomatic: false });
  const calls = raws.map((raw, id) => ({
    jsonrpc: '2.0',
    id,
    method: 'eth_sendRawTransaction',
    params: [`0x${Buffer.from(raw).toString('hex')}`],
  }));
  await post(JSON.stringify(calls));
  host.settle();
  assert.equal((await rpc('eth_getBlockTransactionCountByNumber', '0x1')).result, '0x14');
});

test('a pool whose threads only die gives up instead of starting them for ever', async () => {
  const notTheEngine = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  const broken = new WorkerAdmission({ engineModule: notTheEngine, threadCount: 1 });
  await assert.rejects(broken.admit(raws[0] as Uint8Array), { code: 'AdmissionStopped' });
  for (let attempt = 0; attempt < 10; attempt++) {
    await assert.rejects(broken.admit(raws[0] as Uint8Array), { code: 'AdmissionStopped' });
  }
  await broken.stop();
});
