/** Deploys the test token, then transfers some of it: two steps, each with confirmations. */
import { readFileSync } from 'node:fs';
import { buildModule } from '@nomicfoundation/hardhat-ignition/modules';

const { abi, bytecode } = JSON.parse(readFileSync(process.env.COCO_TOKEN, 'utf8'));
const artifact = {
  _format: 'hh3-artifact-1',
  contractName: 'Token',
  sourceName: 'token.sol',
  abi,
  bytecode,
  deployedBytecode: '0x',
  linkReferences: {},
  deployedLinkReferences: {},
};

export default buildModule('Money', (module) => {
  const token = module.contract('Token', artifact, [1000n]);
  module.call(token, 'transfer', [`0x${'22'.repeat(20)}`, 5n]);
  return { token };
});
