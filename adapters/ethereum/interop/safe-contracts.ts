/** Safe 1.4.1, its published bytecode: a proxy of two owners pays when both have signed. */
import assert from 'node:assert/strict';
import { type Abi, type Address, concatHex, encodeFunctionData, type Hex, zeroAddress } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import type { ClientPlace } from './client-place.ts';
import { sandboxChainId } from './sandbox-node.ts';
import { caller, deploy } from './uniswap-contracts.ts';
import { viemAt } from './viem-client.ts';

const contracts = '@safe-global/safe-contracts/build/artifacts/contracts';
const payee = `0x${'88'.repeat(20)}` as const;
const fund = 1_000n;
const payment = 400n;

/** EIP-712 as the Safe defines it. */
const safeTransaction = [
  { name: 'to', type: 'address' },
  { name: 'value', type: 'uint256' },
  { name: 'data', type: 'bytes' },
  { name: 'operation', type: 'uint8' },
  { name: 'safeTxGas', type: 'uint256' },
  { name: 'baseGas', type: 'uint256' },
  { name: 'gasPrice', type: 'uint256' },
  { name: 'gasToken', type: 'address' },
  { name: 'refundReceiver', type: 'address' },
  { name: 'nonce', type: 'uint256' },
] as const;

export async function executeMultisig(place: ClientPlace): Promise<void> {
  const clients = viemAt(place.url, await place.fundedKey());
  const { reader, writer } = clients;
  const artefact = (path: string) => place.artefact(`${contracts}/${path}`);
  const singleton = artefact('Safe.sol/Safe.json');
  const proxies = artefact('proxies/SafeProxyFactory.sol/SafeProxyFactory.json');
  const handler = artefact(
    'handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json',
  );
  const master = await deploy(clients, singleton);
  const factory = await deploy(clients, proxies);
  const fallback = await deploy(clients, handler);
  // The contract wants signatures in the order of the owners' addresses.
  const owners = [generatePrivateKey(), generatePrivateKey()]
    .map((key) => privateKeyToAccount(key))
    .sort((one, two) => (BigInt(one.address) < BigInt(two.address) ? -1 : 1));
  const addresses = owners.map(({ address }) => address);
  const abi = singleton.abi as Abi;
  const nobody = zeroAddress;
  const setup = encodeFunctionData({
    abi,
    functionName: 'setup',
    args: [addresses, 2n, nobody, '0x', fallback, nobody, 0n, nobody],
  });
  const call = caller(clients);
  const logs = await call(factory, proxies.abi as Abi, 'createProxyWithNonce', [master, setup, 1n]);
  const creation = logs.find(({ address }) => address.toLowerCase() === factory.toLowerCase());
  const safe: Address = `0x${creation?.topics[1]?.slice(-40)}`;
  const hash = await writer.sendTransaction({ to: safe, value: fund });
  assert.equal((await reader.waitForTransactionReceipt({ hash })).status, 'success');
  const message = {
    ...{ to: payee, value: payment, data: '0x' as Hex, operation: 0, safeTxGas: 0n, baseGas: 0n },
    ...{ gasPrice: 0n, gasToken: nobody, refundReceiver: nobody, nonce: 0n },
  };
  const domain = { chainId: sandboxChainId, verifyingContract: safe };
  const types = { SafeTx: safeTransaction };
  const signatures = await Promise.all(
    owners.map((owner) => owner.signTypedData({ domain, types, primaryType: 'SafeTx', message })),
  );
  const execution = (signed: readonly Hex[]) => [
    ...[payee, payment, '0x', 0, 0n, 0n, 0n, nobody, nobody],
    concatHex(signed),
  ];
  const one = { address: safe, abi, functionName: 'execTransaction' } as const;
  // GS020: the signatures are too short for the threshold.
  await assert.rejects(
    writer.writeContract({ ...one, args: execution(signatures.slice(0, 1)) }),
    /GS020/,
  );
  await call(safe, abi, 'execTransaction', execution(signatures));
  assert.equal(await reader.getBalance({ address: payee }), payment);
  assert.equal(await reader.getBalance({ address: safe }), fund - payment);
  assert.equal(await reader.readContract({ address: safe, abi, functionName: 'nonce' }), 1n);
}
