/**
 * Unmodified clients at one real node, one after the other: they deploy, transfer, read events,
 * understand reverts and refusals by their own typed errors, ask for fees, and send nonces out of
 * order. web3.py needs COCO_ETHEREUM_PYTHON.
 */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { privateKeyToAddress } from 'viem/accounts';
import { assertWell, ClientPlace, tokenPath } from './client-place.ts';
import { useEthers } from './ethers-client.ts';
import { executeMultisig } from './safe-contracts.ts';
import { swapOnUniswap } from './uniswap-contracts.ts';
import { useViem } from './viem-client.ts';

const { COCO_ETHEREUM_PYTHON: python } = process.env;
const other = `0x${'55'.repeat(20)}`;

describe('a real node serves unmodified clients', () => {
  let prepared: ClientPlace | string;

  before(async () => {
    prepared = await ClientPlace.prepare();
  });
  after(async () => {
    if (typeof prepared !== 'string') await prepared.node.stop();
  });

  /** A test that is skipped, but not in CI, when its client is not there: `lack` says so. */
  const client = (
    name: string,
    use: (place: ClientPlace) => Promise<void>,
    lack?: string,
  ): void => {
    test(name, async (context: TestContext) => {
      if (lack === undefined && typeof prepared !== 'string') return await use(prepared);
      const missing = lack ?? String(prepared);
      assert.notEqual(process.env.CI, 'true', missing);
      context.skip(missing);
    });
  };

  client('viem', useViem);
  client('ethers 6', useEthers);

  client('web3.js 4', async (place) => {
    place.copy('web3-client.mjs.txt', 'web3-client.mjs');
    assertWell(await place.run(process.execPath, ['web3-client.mjs'], await place.fundedKey()));
  });

  const lack = python === undefined ? 'web3.py is not installed: npm run test:interop' : undefined;
  const useWeb3py = async (place: ClientPlace): Promise<void> => {
    place.copy('web3_client.py', 'web3_client.py');
    assertWell(await place.run(String(python), ['web3_client.py'], await place.fundedKey()));
  };
  client('web3.py', useWeb3py, lack);

  client('cast sends, calls, reads logs and tells reasons', async (place) => {
    const key = await place.fundedKey();
    const cast = async (command: string, ...args: readonly string[]) =>
      await place.run(binary(place, 'cast'), [command, '--rpc-url', place.url, ...args], key);
    const { bytecode } = JSON.parse(readFileSync(tokenPath, 'utf8'));
    const code = `${bytecode}${BigInt(1000).toString(16).padStart(64, '0')}`;
    const signed = ['--private-key', key, '--json'];
    const deployed = await cast('send', ...signed, '--create', code);
    assertWell(deployed);
    const { contractAddress: token } = JSON.parse(deployed.stdout);
    const sent = await cast('send', ...signed, token, 'transfer(address,uint256)', other, '7');
    assertWell(sent);
    const { status, blockNumber } = JSON.parse(sent.stdout);
    assert.equal(status, '0x1');
    const balance = await cast('call', token, 'balanceOf(address)(uint256)', other);
    assert.equal(balance.stdout.trim(), '7');
    const transfer = 'Transfer(address indexed from, address indexed to, uint256 value)';
    const range = ['--from-block', String(Number(blockNumber)), '--json'];
    const logs = await cast('logs', ...range, '--address', token, transfer);
    assert.equal(JSON.parse(logs.stdout).length, 1);
    const refused = await cast('call', token, 'failWithReason()');
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /not today/);
    const poor = await cast('send', ...signed, token, 'transfer(address,uint256)', other, '9999');
    assert.match(poor.stderr, /e450d38c|ERC20InsufficientBalance/);
    const late = await cast('send', ...signed, '--nonce', '0', other, '--value', '1');
    assert.match(late.stderr, /nonce too low/);
    const nonce = await cast('nonce', privateKeyToAddress(key));
    assert.equal(nonce.stdout.trim(), '2');
    assert.equal((await cast('gas-price')).stdout.trim(), '0');
  });

  client('forge script deploys and calls', async (place) => {
    place.copy('counter.sol', 'src/Counter.sol');
    place.copy('deploy.s.sol', 'script/Deploy.s.sol');
    place.copy('foundry.toml', 'foundry.toml');
    // The compiler's command names the Node.js that runs this suite.
    place.copy('solc.mjs.txt', 'solc.mjs');
    const solc = join(place.folder, 'solc.mjs');
    writeFileSync(solc, `#!${process.execPath}\n${readFileSync(solc, 'utf8')}`);
    chmodSync(solc, 0o755);
    const key = await place.fundedKey();
    const script = ['script', 'script/Deploy.s.sol:Deploy', '--rpc-url', place.url, '--broadcast'];
    const ran = await place.run(binary(place, 'forge'), [...script, '--private-key', key], key);
    assertWell(ran);
    assert.match(ran.stdout, /ONCHAIN EXECUTION COMPLETE & SUCCESSFUL/);
  });

  client('Hardhat 3 compiles, tests, and deploys by Ignition with its defaults', async (place) => {
    place.copy('counter.sol', 'src/Counter.sol');
    place.copy('hardhat.config.js.txt', 'hardhat.config.js');
    place.copy('hardhat-test.mjs.txt', 'hardhat-test/counter.test.js');
    place.copy('ignition.mjs.txt', 'ignition/modules/counter.mjs');
    rmSync(join(place.folder, 'ignition/deployments'), { recursive: true, force: true });
    const key = await place.fundedKey();
    const cli = join(place.folder, 'node_modules/hardhat/dist/src/cli.js');
    const hardhat = async (...args: readonly string[]) =>
      await place.run(process.execPath, [cli, ...args], key);
    assertWell(await hardhat('compile'));
    const tested = await hardhat('test', 'nodejs', '--network', 'coco');
    assertWell(tested);
    assert.match(tested.stdout, /1 passing/);
    const module = 'ignition/modules/counter.mjs';
    const deployed = await hardhat('ignition', 'deploy', module, '--network', 'coco');
    assertWell(deployed);
    assert.match(deployed.stdout, /successfully deployed/);
  });

  client('Uniswap v2 from its published bytecode: liquidity and a swap', swapOnUniswap);
  client('Safe 1.4.1 from its published bytecode: a proxy and a multisig', executeMultisig);
});

/** Foundry's packages bring one binary each for a platform. */
function binary(place: ClientPlace, name: string): string {
  const cpu = process.arch === 'x64' ? 'amd64' : process.arch;
  const suite = `${name}-${process.platform}-${cpu}`;
  return join(place.folder, 'node_modules/@foundry-rs', suite, 'bin', name);
}
