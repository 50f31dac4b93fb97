/** Uniswap v2, its published bytecode: a pool of two tokens and one with ether, and swaps. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type Abi, type Address, getContract, type Hex, parseEther } from 'viem';
import { type ClientPlace, tokenPath } from './client-place.ts';
import { type ViemClients, viemAt } from './viem-client.ts';

const core = '@uniswap/v2-core/build/UniswapV2Factory.json';
const periphery = '@uniswap/v2-periphery/build';
const supply = 10n ** 24n;
const deposit = 10n ** 20n;
const input = 10n ** 18n;
const deadline = 2n ** 40n;
/** The pool's fee of 0.3 % and its constant product, as the contract rounds them. */
const output = (input * 997n * deposit) / (deposit * 1000n + input * 997n);

export async function swapOnUniswap(place: ClientPlace): Promise<void> {
  const clients = viemAt(place.url, await place.fundedKey());
  const me = clients.writer.account.address;
  const factory = await deploy(clients, place.artefact(core), [me]);
  const weth = await deploy(clients, place.artefact(`${periphery}/WETH9.json`));
  const routerArtefact = place.artefact(`${periphery}/UniswapV2Router02.json`);
  const router = await deploy(clients, routerArtefact, [factory, weth]);
  const token = JSON.parse(readFileSync(tokenPath, 'utf8'));
  const [one, two] = [
    await deploy(clients, token, [supply]),
    await deploy(clients, token, [supply]),
  ];
  const call = caller(clients);
  for (const address of [one, two]) await call(address, token.abi, 'approve', [router, supply]);
  const abi = routerArtefact.abi as Abi;
  const parts = [deposit, deposit, 0n, 0n, me, deadline];
  await call(router, abi, 'addLiquidity', [one, two, ...parts]);
  const swap = [input, output, [one, two], me, deadline];
  await call(router, abi, 'swapExactTokensForTokens', swap);
  const read = clients.reader;
  const balanceOf = async (address: Address) =>
    await read.readContract({ address, abi: token.abi, functionName: 'balanceOf', args: [me] });
  assert.equal(await balanceOf(one), supply - deposit - input);
  assert.equal(await balanceOf(two), supply - deposit + output);
  const ether = parseEther('0.1');
  await call(router, abi, 'addLiquidityETH', [one, deposit, 0n, 0n, me, deadline], ether);
  const before = await balanceOf(one);
  await call(router, abi, 'swapExactETHForTokens', [1n, [weth, one], me, deadline], ether / 10n);
  assert.ok(((await balanceOf(one)) as bigint) > (before as bigint));
  const pair = await getContract({
    address: factory,
    abi: place.artefact(core).abi as Abi,
    client: read,
  }).read.getPair?.([one, two]);
  const pool = place.artefact('@uniswap/v2-core/build/UniswapV2Pair.json').abi as Abi;
  const logs = await read.getContractEvents({
    ...{ address: pair as Address, abi: pool, eventName: 'Swap', fromBlock: 0n },
  });
  assert.equal(logs.length, 1);
}

export async function deploy(
  { reader, writer }: ViemClients,
  artefact: { readonly abi: readonly unknown[]; readonly bytecode: Hex },
  args: readonly unknown[] = [],
): Promise<Address> {
  const abi = artefact.abi as Abi;
  const hash = await writer.deployContract({ abi, bytecode: artefact.bytecode, args });
  const { status, contractAddress } = await reader.waitForTransactionReceipt({ hash });
  assert.equal(status, 'success');
  assert.ok(contractAddress);
  return contractAddress;
}

export type Call = (
  ...call: readonly [
    address: Address,
    abi: Abi,
    functionName: string,
    args: readonly unknown[],
    value?: bigint,
  ]
) => Promise<readonly { readonly address: Address; readonly topics: readonly Hex[] }[]>;

/** Sends a call and gives the logs of its receipt. */
export function caller({ reader, writer }: ViemClients): Call {
  // tidy-allow: five parameters read like the call that a test makes; an object would hide it.
  return async (address, abi, functionName, args, value = 0n) => {
    const hash = await writer.writeContract({ address, abi, functionName, args, value });
    const { status, logs } = await reader.waitForTransactionReceipt({ hash });
    assert.equal(status, 'success', functionName);
    return logs;
  };
}
