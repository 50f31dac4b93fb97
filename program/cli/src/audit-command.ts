/**
 * `coco audit`: verifies a whole ledger from its files and tells the story of its governance. Needs
 * no node and no key. Ends with 0 where the ledger is sound, 1 where something was found, 2 when it
 * was called wrongly.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { auditService, type ReceiptToHold, type RunnerAt, type ServiceAudit } from '@coco/audit';
import { fromBase64, LedgerError, parseTransactionId, type TransactionId } from '@coco/base';
import { EncryptionKey } from '@coco/crypto';
import { engineUrl, InProcessScriptRunner, ScriptEngine } from '@coco/isolate';
import { findBegin, type LedgerBegin, type LedgerFolder } from '@coco/ledger';
import { ReadOnlyDisk, systemClock, systemRandom } from '@coco/node';
import { auditProgress } from './audit-progress.ts';
import { findProposal, proposalText, type ReportFrame, reportText } from './audit-report.ts';
import type { Command, Given } from './command-line.ts';
import { cliError } from './errors.ts';
import { parseBundle, type ReceiptBundle, verifyBundle } from './receipt-bundle.ts';
import { progressTerminal, type Terminal } from './steps.ts';

const columnsDefault = 100;
/** Wider lines are hard to read. */
const columnsMax = 120;
const receiptBytesMax = 8 * 1024 * 1024;

export const auditCommand: Command = {
  flags: {
    'service-certificate': {
      type: 'string',
      value: 'PEM',
      meaning: 'the service that you trust; otherwise the ledger says itself who signed it',
    },
    snapshots: {
      type: 'string',
      value: 'DIR',
      meaning: 'where the snapshot is that a ledger without its older files begins with',
    },
    'must-contain': {
      type: 'string',
      value: 'VIEW.SEQNO',
      meaning: 'an id that the ledger must hold: nothing else shows that its end was cut off',
    },
    receipt: {
      type: 'string',
      value: 'FILE',
      meaning:
        'a receipt, or bundle of "coco receipt verify --save", that the ledger must hold; may stand several times',
    },
    proposal: { type: 'string', value: 'ID', meaning: 'the whole life of one proposal' },
    'recovery-key': {
      type: 'string',
      value: 'PEM',
      meaning: 'a member’s private encryption key; enough of them open the private parts too',
    },
    replay: {
      type: 'boolean',
      meaning: 'run each decision again, by the constitution of its time',
    },
    json: { type: 'boolean', meaning: 'everything as JSON' },
  },
  run: async (given) => {
    const { text, isSound } = await runAudit(given, progressTerminal);
    console.log(text);
    if (!isSound) process.exitCode = 1;
  },
};

/** @throws WrongUsage, DiskFault */
export async function runAudit(
  given: Given,
  terminal: Terminal,
): Promise<{ readonly text: string; readonly isSound: boolean }> {
  const [folder = ''] = given.positionals;
  const path = resolve(folder);
  await assertLedgerFolder(path);
  const trustedService = await readText(given.text('service-certificate'));
  const files = given.inOrder(['receipt']).map(({ text }) => text);
  const receipts = await Promise.all(files.map(readReceipt));
  const keyFiles = given.inOrder(['recovery-key']).map(({ text }) => text);
  const recoveryKeys = await Promise.all(keyFiles.map(readKey));
  const mustContain = parseId(given.text('must-contain'));
  const scripts = given.isSet('replay') ? await loadScripts() : undefined;
  const startedMs = performance.now();
  const progress = auditProgress(terminal, () => performance.now());
  const at = { disk: new ReadOnlyDisk(dirname(path)), folder: basename(path) };
  const begin = await beginOf(at, resolve(given.text('snapshots') ?? join(path, '../snapshots')));
  const audit = await refusable(() =>
    auditService({
      ...at,
      begin,
      onProgress: progress.show,
      ...(trustedService === undefined ? {} : { trustedService }),
      ...(mustContain ? { mustContain } : {}),
      receipts: receipts.map(({ toHold }) => toHold),
      ...(recoveryKeys.length > 0 ? { recoveryKeys } : {}),
      ...(scripts ? { scripts } : {}),
    }).finally(progress.end),
  );
  const whole = await withBundles(
    audit,
    receipts.flatMap(({ bundle }) => bundle ?? []),
  );
  const frame: ReportFrame = {
    folder,
    seconds: (performance.now() - startedMs) / 1000,
    columns: Math.min(process.stdout.columns ?? columnsDefault, columnsMax),
  };
  return { text: print(whole, given, frame), isSound: whole.isSound };
}

/**
 * The snapshot that the files begin with, where older ones are missing. Without one the audit finds
 * that they are.
 */
async function beginOf(at: LedgerFolder, snapshots: string): Promise<LedgerBegin | undefined> {
  const isThere = await readdir(snapshots).then(
    () => true,
    () => false,
  );
  if (!isThere) return undefined;
  const place = { disk: new ReadOnlyDisk(dirname(snapshots)), folder: basename(snapshots) };
  try {
    return (await findBegin(at, [place]))?.begin;
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'LedgerDamaged') return undefined;
    throw error;
  }
}

/** In this process: it holds no keys, and who waits for a ballot without end can end it. */
async function loadScripts(): Promise<RunnerAt> {
  const engine = new ScriptEngine(await readFile(engineUrl));
  return (nowMs) =>
    new InProcessScriptRunner({
      engine,
      clock: { ...systemClock, nowMs: () => nowMs },
      random: systemRandom,
    });
}

function print(audit: ServiceAudit, given: Given, frame: ReportFrame): string {
  const prefix = given.text('proposal');
  const life = prefix === undefined ? undefined : findProposal(audit, prefix);
  if (given.isSet('json')) return JSON.stringify(life ?? audit, undefined, 2);
  return life ? proposalText(audit, life, frame) : reportText(audit, frame);
}

/** @throws WrongUsage */
async function assertLedgerFolder(path: string): Promise<void> {
  const names = await readdir(path).catch((cause: unknown) => {
    throw cliError('WrongUsage', `The folder ${path} cannot be read.`, {}, cause);
  });
  if (names.some((name) => name.startsWith('ledger_')) || !names.includes('ledger')) return;
  throw cliError(
    'WrongUsage',
    `${path} holds no ledger files; did you mean ${join(path, 'ledger')}?`,
  );
}

/** A damaged ledger is a finding; what the caller gave wrongly is not. */
async function refusable<Value>(act: () => Promise<Value>): Promise<Value> {
  try {
    return await act();
  } catch (error) {
    const isGiven = error instanceof LedgerError && error.kind === 'refusal';
    if (!isGiven) throw error;
    throw cliError('WrongUsage', error.message, {}, error);
  }
}

async function readText(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : (await read(file)).toString('utf8');
}

function read(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    throw cliError('WrongUsage', `The file ${file} cannot be read.`, {}, cause);
  });
}

async function readKey(file: string): Promise<EncryptionKey> {
  const pem = (await read(file)).toString('utf8');
  try {
    return EncryptionKey.fromPem(pem);
  } catch (cause) {
    throw cliError('WrongUsage', `The file ${file} holds no RSA private key.`, {}, cause);
  }
}

/** A bundle is JSON; anything else is the receipt itself. */
async function readReceipt(
  file: string,
): Promise<{ toHold: ReceiptToHold; bundle?: ReceiptBundle }> {
  const bytes = await read(file);
  if (bytes.length > receiptBytesMax) {
    throw cliError('WrongUsage', `The file ${file} is too large for a receipt.`);
  }
  if (bytes[0] !== '{'.charCodeAt(0)) return { toHold: { name: file, bytes } };
  const bundle = parseBundle(bytes);
  return { toHold: { name: file, bytes: fromBase64(bundle.coseReceipt) }, bundle };
}

function parseId(text: string | undefined): TransactionId | undefined {
  if (text === undefined) return undefined;
  try {
    return parseTransactionId(text);
  } catch (cause) {
    throw cliError('WrongUsage', `"${text}" is no id: write VIEW.SEQNO, such as 2.17.`, {}, cause);
  }
}

/** Where receipts verify, what their bundles say of Ethereum is verified too. */
async function withBundles(
  audit: ServiceAudit,
  bundles: readonly ReceiptBundle[],
): Promise<ServiceAudit> {
  let whole = audit;
  if (audit.findings.some(({ code }) => code === 'ReceiptInvalid')) return whole;
  for (const bundle of bundles) whole = await withBundle(whole, bundle);
  return whole;
}

/** A bundle also says which Ethereum transaction its receipt is of. */
async function withBundle(audit: ServiceAudit, bundle: ReceiptBundle): Promise<ServiceAudit> {
  const problems: string[] = [];
  for (const { certificatePem } of audit.identities.toReversed()) {
    try {
      await verifyBundle({ ...bundle, endorsements: [] }, certificatePem);
      return audit;
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      problems.push(error.message);
    }
  }
  const seqno = parseTransactionId(bundle.transactionId).seqno;
  const sentence = `The bundle of ${bundle.transactionHash} does not verify: ${problems[0] ?? 'the ledger has no identity.'}`;
  const finding = { code: 'ReceiptInvalid', file: undefined, seqno, sentence } as const;
  return { ...audit, isSound: false, findings: [...audit.findings, finding] };
}
