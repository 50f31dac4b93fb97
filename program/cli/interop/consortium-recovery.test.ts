/**
 * A one-node network of three members loses its node again and again, and members bring it back
 * with nothing but the stock tools of PyPI ccf, openssl and curl. What was told as committed is
 * there afterwards, private state included.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createTestClient, http, parseEther, publicActions, walletActions } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { Consortium, type ToolMember } from './consortium.ts';

const python = process.env.COCO_CCF_PYTHON;
const skip =
  python === undefined ? 'COCO_CCF_PYTHON is not set: see `npm run test:interop`' : false;

const account = privateKeyToAccount(generatePrivateKey());
const ethereum = {
  chain_id: 7,
  visibility: 'public',
  prefunded: { [account.address]: '1000000000000000000000' },
};
const chain = {
  id: 7,
  name: 'consortium',
  nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
  rpcUrls: { default: { http: [] } },
};

/** A wallet on the network as it now is: each life has other ports. */
async function walletOf(network: Consortium) {
  const transport = http(await network.rpcUrl(), { retryCount: 0, timeout: 60_000 });
  return createTestClient({ account, chain, mode: 'anvil', transport })
    .extend(publicActions)
    .extend(walletActions);
}

/** Sends `count` transfers to a fresh address and returns it once the last one is committed. */
async function transfer(network: Consortium, count: number): Promise<`0x${string}`> {
  const wallet = await walletOf(network);
  const { address: to } = privateKeyToAccount(generatePrivateKey());
  const first = await wallet.getTransactionCount({ address: account.address });
  const value = parseEther('1');
  const sent = Array.from({ length: count }, (_, at) =>
    wallet.sendTransaction({
      to,
      value,
      nonce: first + at,
      gas: 21_000n,
      gasPrice: 2_000_000_000n,
    }),
  );
  for (const hash of await Promise.all(sent)) {
    await wallet.waitForTransactionReceipt({ hash, pollingInterval: 50 });
  }
  return to;
}

async function balanceOf(network: Consortium, address: `0x${string}`): Promise<bigint> {
  return (await (await walletOf(network)).getBalance({ address })) / parseEther('1');
}

describe('a consortium with stock tools', { skip }, () => {
  test('two of three members recover a killed node, also after rekeys under load', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'coco-consortium-'));
    const network = new Consortium(folder, String(python));
    try {
      const names = ['member0', 'member1', 'member2'];
      const members = await Promise.all(names.map((name) => network.createMember(name)));
      const [first, second, third] = members as [ToolMember, ToolMember, ToolMember];
      await network.prepare(members);
      await network.start({ isRecovery: false, threshold: 2, ethereum });
      for (const member of members) await network.acknowledge(member);
      await network.open([first, second], false);
      await network.whenOpen();
      const before = await transfer(network, 3);
      await network.kill();

      await network.start({ isRecovery: true, ethereum });
      const rekey = { name: 'trigger_ledger_rekey' };
      const refused = await network.vote([rekey], [first, second]);
      assert.equal(refused.status, 400);
      assert.match(JSON.stringify(refused.body), /ProposalFailedToValidate.*during recovery/);
      await network.open([second, third], true);
      assert.match(await network.submitShare(third), /1\/2 recovery shares successfully submitted/);
      const end = await network.submitShare(first);
      assert.match(end, /2\/2 recovery shares successfully submitted/);
      assert.match(end, /End of recovery procedure initiated/);
      await network.whenOpen();
      assert.equal(await balanceOf(network, before), 3n);

      // Two rekeys while transfers run, and a third right before the end.
      const under = transfer(network, 60);
      await network.carry([rekey], [first, third]);
      await network.carry([rekey], [second, third]);
      const loaded = await under;
      const chunk = { name: 'trigger_ledger_chunk' };
      const fileCount = (await network.ledgerFiles()).length;
      await network.carry([chunk, { name: 'trigger_snapshot' }], [first, second]);
      const since = Number((await network.get('/node/state')).body.last_signed_seqno) - 10;
      await network.until(
        async () => (await network.get(`/node/snapshot?since=${since}`)).status === 308,
      );
      await network.carry([rekey], [first, second]);
      assert.ok((await network.ledgerFiles()).length > fileCount, 'a chunk has ended');
      await network.kill();

      await network.start({ isRecovery: true, ethereum });
      await network.open([first, third], true);
      await network.submitShare(first);
      await network.submitShare(second);
      await network.whenOpen();
      assert.equal(await balanceOf(network, before), 3n);
      assert.equal(await balanceOf(network, loaded), 60n);
      const recovered = await network.get('/node/network');
      assert.equal(recovered.body.recovery_count, 2);
      const state = (await network.get('/node/state')).body;
      await network.kill();
      const until = / until \d+\.(\d+)/.exec(await network.readLedger());
      assert.ok(Number(until?.[1]) >= Number(state.last_signed_seqno), 'all of it verifies');
      // An opening, three rekeys and two recoveries.
      assert.equal((await network.readSecretsChain()).length, 6);
    } finally {
      await network.kill();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('who left holds nothing; an owner recovers alone with the whole key', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'coco-consortium-'));
    const network = new Consortium(folder, String(python));
    try {
      const [first, second, leaver, owner] = await Promise.all([
        network.createMember('member0'),
        network.createMember('member1'),
        network.createMember('member2'),
        network.createMember('owner', 'Owner'),
      ]);
      const members = [first, second, leaver, owner];
      await network.prepare(members);
      await network.start({ isRecovery: false, threshold: 2, ethereum });
      for (const member of members) await network.acknowledge(member);
      await network.open([first, second, leaver], false);
      await network.whenOpen();
      const before = await transfer(network, 2);
      // The removal of a recovery member is a rekey.
      const remove = { name: 'remove_member', args: { member_id: leaver.id } };
      await network.carry([remove], [first, second, owner]);
      const after = await transfer(network, 2);
      await network.kill();

      await network.start({ isRecovery: true, ethereum });
      await network.open([first, owner], true);
      await assert.rejects(network.submitShare(leaver), 'there is no share for who left');
      const said = await network.submitShare(owner);
      assert.match(said, /Full recovery key successfully submitted/);
      assert.match(said, /End of recovery procedure initiated/);
      await network.whenOpen();
      assert.equal(await balanceOf(network, before), 2n);
      assert.equal(await balanceOf(network, after), 2n);
    } finally {
      await network.kill();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
