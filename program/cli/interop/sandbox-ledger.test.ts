/**
 * What a sandbox wrote under load, read by others: PyPI `ccf`, which nobody here wrote, verifies
 * the ledger and the receipts in a folder without our code; and a search of every file of the node
 * finds nothing of what the load planted.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fromBase64, fromHex, parseTransactionId, toBase64, toHex, utf8Encode } from '@coco/base';
import { claimsDigest } from '@coco/ethereum';
import { keccak256 } from 'viem';
import { runAudit } from '../src/audit-command.ts';
import { callRpc } from '../src/json-rpc-client.ts';
import { fetchBundle, type ReceiptBundle } from '../src/receipt-bundle.ts';
import { connectToSandbox } from '../src/sandbox-client.ts';
import { sandboxDefaults } from '../src/sandbox-defaults.ts';
import { SandboxFolder } from '../src/sandbox-folder.ts';
import { plantInContract } from './marker-contract.ts';
import { pause, SandboxProcess } from './sandbox-process.ts';
import { TransferLoad } from './transfer-load.ts';

const python = process.env.COCO_CCF_PYTHON;
const needsPython =
  python === undefined ? 'COCO_CCF_PYTHON is not set: run it by npm run test:interop' : false;
const loadMs = 3000;
/** Bytes of a marker; any eight in a row found in a file are a leak. */
const markerBytes = 24;
const windowBytes = 8;

describe('a sandbox under load', () => {
  const markers: Uint8Array[] = [];
  const bundles: { bundle: ReceiptBundle; service: string }[] = [];
  let folder: string;
  let highest = 0;

  const plant = (): `0x${string}` => {
    const marker = crypto.getRandomValues(new Uint8Array(markerBytes));
    markers.push(marker);
    return `0x${toHex(marker)}`;
  };

  /** One life of the sandbox: load, receipts, Ctrl-C. */
  const live = async (): Promise<void> => {
    const sandbox = SandboxProcess.spawn(folder);
    try {
      const rpcUrl = await sandbox.opened();
      const load = await TransferLoad.create(folder, sandboxDefaults.chainId, plant);
      const untilMs = performance.now() + loadMs;
      await load.run(rpcUrl, () => performance.now() > untilMs);
      assert.ok(load.acknowledged.length > 10, 'the load was acknowledged');
      const place = new SandboxFolder(folder);
      const client = await connectToSandbox(place, await place.addresses());
      for (const { hash } of load.acknowledged.slice(-5)) {
        const bundle = await fetchBundle(client, rpcUrl, hash);
        bundles.push({ bundle, service: client.serviceCertificate });
        highest = Math.max(highest, parseTransactionId(bundle.transactionId).seqno);
      }
      client.close();
      const chainId = sandboxDefaults.chainId;
      await plantInContract(place, { rpcUrl, chainId, count: 20 }, plant);
      await plantEverywhere(rpcUrl);
      await pause(300);
      assert.equal(await sandbox.interrupt(), 0);
    } finally {
      await sandbox.kill();
    }
  };

  /** Markers in what else a client can make a node handle: paths, bodies, wrong input. */
  const plantEverywhere = async (rpcUrl: string): Promise<void> => {
    const address = () => `0x${plant().slice(2, 42)}`;
    await callRpc(rpcUrl, 'eth_getBalance', [address(), 'latest']);
    await callRpc(rpcUrl, 'eth_call', [{ to: address(), data: plant() }, 'latest']);
    await callRpc(rpcUrl, 'eth_getLogs', [{ address: address() }]);
    const wrong = plant();
    await assert.rejects(callRpc(rpcUrl, 'eth_sendRawTransaction', [wrong]));
    await assert.rejects(callRpc(rpcUrl, wrong, []));
    await fetch(`${rpcUrl}/${plant()}`, { method: 'POST', body: plant() });
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coco-sandbox-'));
    await live();
    // The second life closes the first one's chunk file.
    await live();
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('PyPI ccf verifies its ledger and receipts', { skip: needsPython }, async () => {
    const place = await mkdtemp(join(tmpdir(), 'coco-auditor-'));
    try {
      const source = join(folder, 'node0', 'ledger');
      await mkdir(join(place, 'files'));
      await cp(source, join(place, 'files'), { recursive: true });
      await copyFile(join(import.meta.dirname, 'verify_sandbox.py'), join(place, 'verify.py'));
      const request = {
        ledger: join(place, 'files'),
        receipts: bundles.map(({ bundle, service }) => ({
          cose: toHex(fromBase64(bundle.coseReceipt)),
          service,
          claims: toHex(claimOf(bundle)),
        })),
      };
      const output = execFileSync(python ?? '', ['verify.py'], {
        cwd: place,
        input: JSON.stringify(request),
        timeout: 120_000,
      });
      const verdict = JSON.parse(output.toString().trim().split('\n').at(-1) ?? '');
      const closed = (await readdir(source))
        .map((name) => /^ledger_\d+-(\d+)\.committed$/.exec(name)?.[1])
        .filter((last) => last !== undefined)
        .map(Number);
      assert.ok(closed.length > 0);
      assert.equal(verdict.receipts, bundles.length);
      assert.equal(parseTransactionId(verdict.committed).seqno, Math.max(...closed));
      assert.ok(parseTransactionId(verdict.uncommitted).seqno >= highest);
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  });

  test('coco audit finds both lives sound, and holds every receipt', async () => {
    const receipts: { flag: string; text: string }[] = [];
    for (const [at, { bundle }] of bundles.entries()) {
      const file = join(folder, `bundle-${at}.json`);
      await writeFile(file, JSON.stringify(bundle));
      receipts.push({ flag: 'receipt', text: file });
    }
    const service = join(folder, 'service.pem');
    await writeFile(service, bundles.at(-1)?.service ?? '');
    const names = await readdir(join(folder, 'members'));
    const keys = names
      .filter((name) => /^member\d+_enc_privk\.pem$/.test(name))
      .map((name) => ({ flag: 'recovery-key', text: join(folder, 'members', name) }));
    const texts: Readonly<Record<string, string>> = {
      'service-certificate': service,
      'must-contain': bundles.at(-1)?.bundle.transactionId ?? '',
    };
    const { text, isSound } = await runAudit(
      {
        positionals: [join(folder, 'node0', 'ledger')],
        text: (flag) => texts[flag],
        isSet: (flag) => flag === 'replay' || flag === 'json',
        inOrder: (flags) => (flags.includes('receipt') ? receipts : keys),
      },
      { isInteractive: false, write: () => undefined },
    );
    const audit = JSON.parse(text);
    assert.ok(isSound, JSON.stringify(audit.findings));
    assert.ok(
      audit.claims.some(({ needsSecrets }: { needsSecrets: boolean }) => needsSecrets),
      'the members’ keys open every private part',
    );
    assert.equal(audit.identities.length, 2);
    assert.equal(audit.identities[0].isEndorsed, true);
    assert.ok(audit.proposals.length >= 2 && audit.ledger.entryCount >= highest);
  });

  test('no file of the node holds eight bytes in a row of any marker', async () => {
    const files = await readdir(join(folder, 'node0'), { recursive: true, withFileTypes: true });
    const needles = needlesOf(markers);
    let searched = 0;
    for (const file of files.filter((one) => one.isFile())) {
      const content = await readFile(join(file.parentPath, file.name));
      searched++;
      assert.deepEqual(findNeedles(content, needles), [], `${file.name} holds a marker`);
    }
    assert.ok(searched >= 5 && markers.length > 100, 'there was something to find');
    const control = Buffer.concat([
      Buffer.from('x'),
      markers[0]?.subarray(8, 16) ?? new Uint8Array(),
    ]);
    assert.equal(findNeedles(control, needles).length > 0, true, 'the search finds what is there');
  });
});

function claimOf(bundle: ReceiptBundle): Uint8Array {
  return claimsDigest({
    salt: fromHex(bundle.salt),
    chainId: BigInt(bundle.chainId),
    transactionHash: fromHex(bundle.transactionHash),
    receiptHash: fromHex(keccak256(fromHex(bundle.receipt))),
  });
}

/** Every window of every marker in each form, by its first four bytes. */
function needlesOf(markers: readonly Uint8Array[]): ReadonlyMap<number, readonly Buffer[]> {
  const needles = new Map<number, Buffer[]>();
  for (const marker of markers) {
    for (let at = 0; at + windowBytes <= marker.length; at++) {
      const window = marker.subarray(at, at + windowBytes);
      for (const form of formsOf(window)) {
        const head = form.readUInt32LE(0);
        const known = needles.get(head);
        if (known) known.push(form);
        else needles.set(head, [form]);
      }
    }
  }
  return needles;
}

function formsOf(window: Uint8Array): readonly Buffer[] {
  const hex = toHex(window);
  const wide = (text: Uint8Array) => Buffer.from(Uint8Array.from([...text].flatMap((b) => [b, 0])));
  return [
    Buffer.from(window),
    Buffer.from(hex),
    Buffer.from(hex.toUpperCase()),
    // Six bytes of eight always make eight whole characters of base64, wherever they stand.
    ...[0, 1, 2].map((shift) => Buffer.from(toBase64(window.subarray(shift, shift + 6)))),
    wide(window),
    wide(utf8Encode(hex)),
  ];
}

function findNeedles(
  content: Buffer,
  needles: ReadonlyMap<number, readonly Buffer[]>,
): readonly string[] {
  const found: string[] = [];
  for (let at = 0; at + 4 <= content.length; at++) {
    for (const needle of needles.get(content.readUInt32LE(at)) ?? []) {
      if (content.subarray(at, at + needle.length).equals(needle)) {
        found.push(`${at}:${needle.toString('hex')}`);
      }
    }
  }
  return found;
}
