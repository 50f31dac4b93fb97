/**
 * `coco receipt`: fetches the proof of an Ethereum transaction and verifies it, or verifies one
 * from a file without any network.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatTransactionId } from '@coco/base';
import type { Command, Given } from './command-line.ts';
import { cliError } from './errors.ts';
import { fetchBundle, parseBundle, type ReceiptBundle, verifyBundle } from './receipt-bundle.ts';
import { connectToSandbox } from './sandbox-client.ts';
import { sandboxDefaults } from './sandbox-defaults.ts';
import { rpcUrlsOf, SandboxFolder } from './sandbox-folder.ts';

export const receiptVerifyCommand: Command = {
  flags: {
    folder: {
      type: 'string',
      value: 'DIR',
      meaning: `the sandbox; default ${sandboxDefaults.folder}`,
    },
    save: { type: 'string', value: 'FILE', meaning: 'keep the receipt, to verify it offline' },
    'service-certificate': {
      type: 'string',
      value: 'PEM',
      meaning: 'the service to trust; default the one that the sandbox’s client verified',
    },
  },
  run: async (given) => {
    const [subject = ''] = given.positionals;
    const folder = new SandboxFolder(resolve(given.text('folder') ?? sandboxDefaults.folder));
    const { bundle, serviceCertificate } = subject.startsWith('0x')
      ? await fetchFromSandbox(folder, subject)
      : await readFromFile(folder, subject, given);
    const file = given.text('save');
    if (file !== undefined) await writeFile(file, `${JSON.stringify(bundle, undefined, 2)}\n`);
    console.log(await describe(bundle, serviceCertificate));
    if (file !== undefined) console.log(`Kept in ${file}: coco receipt verify ${file}`);
  },
};

async function fetchFromSandbox(folder: SandboxFolder, hash: string) {
  const nodes = await folder.addresses();
  const client = await connectToSandbox(folder, nodes);
  try {
    const bundle = await fetchBundle(client, rpcUrlsOf(nodes), hash);
    return { bundle, serviceCertificate: client.serviceCertificate };
  } finally {
    client.close();
  }
}

async function readFromFile(folder: SandboxFolder, file: string, given: Given) {
  const read = (path: string) =>
    readFile(path).catch((cause: unknown) => {
      throw cliError('WrongUsage', `The file ${path} cannot be read.`, {}, cause);
    });
  const path = given.text('service-certificate') ?? folder.member('service_identity.pem');
  const serviceCertificate = (await read(path)).toString('utf8');
  return { bundle: parseBundle(await read(file)), serviceCertificate };
}

/** Verifies, and says in plain words what is proven. */
export async function describe(bundle: ReceiptBundle, serviceCertificate: string): Promise<string> {
  const { receipt, isSuccess, logCount } = await verifyBundle(bundle, serviceCertificate);
  const outcome = isSuccess ? 'succeeded' : 'was reverted';
  const signedAt = new Date(receipt.issuedAtSeconds * 1000).toISOString();
  const identity = receipt.isCurrentIdentity
    ? 'this service'
    : 'an earlier identity, which this service endorses';
  return [
    `Verified: transaction ${bundle.transactionHash}`,
    `  ${outcome} on chain ${BigInt(bundle.chainId)}, with ${logCount} event(s)`,
    `  ledger entry ${bundle.transactionId}, under the Merkle root signed at ${formatTransactionId(receipt.signatureId)}`,
    `  signed by ${identity} (key ${receipt.serviceId.slice(0, 16)}…) on ${signedAt}`,
    '  Checked here: claim, Merkle path, signature. Nothing of this was believed from the node.',
    `  Not proven, but said by the node: block ${BigInt(bundle.blockNumber)}`,
  ].join('\n');
}
