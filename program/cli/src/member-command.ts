/** `coco member`: making keys, reading certificates, who the members are, becoming active. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { encodeJson } from '@coco/base';
import type { Certificate, CurveName } from '@coco/crypto';
import {
  describeCertificate,
  type MemberRequest,
  memberName,
  objectOf,
  readCertificateFile,
  writeMemberFiles,
} from '@coco/member';
import type { Command, Given } from './command-line.ts';
import { cliError } from './errors.ts';
import { uninterrupted } from './interruption.ts';
import { type Network, networkFlags, withNetwork } from './network.ts';
import { outputFlags, show } from './output.ts';
import { sortedByName } from './proposal-report.ts';
import { type Intent, showPrepared, signedFlags, submitSigned } from './signed-command.ts';
import { readSigningRequest, writeSigningRequest } from './signing.ts';

export const memberCreateCommand: Command = {
  flags: {
    name: { type: 'string', value: 'NAME', meaning: 'whose keys they are; required' },
    out: { type: 'string', value: 'DIR', meaning: 'a folder that is there; default this one' },
    curve: { type: 'string', value: 'CURVE', meaning: 'P-384 (default) or P-256' },
    recovery: {
      type: 'boolean',
      meaning: 'also make the encryption key of a member who holds a recovery share',
    },
    ...outputFlags,
  },
  run: async (given) => {
    const name = given.text('name');
    if (name === undefined) throw cliError('WrongUsage', '"coco member create" needs --name NAME.');
    const folder = resolve(given.text('out') ?? '.');
    const found = await stat(folder).catch(() => undefined);
    if (!found?.isDirectory()) throw cliError('WrongUsage', `There is no folder ${folder}.`);
    const wanted = {
      folder,
      name,
      curve: curveOf(given.text('curve')),
      hasEncryptionKey: given.isSet('recovery'),
      nowMs: Date.now(),
    };
    const { paths, certificate } = await uninterrupted('Writing the keys', () =>
      writeMemberFiles(wanted),
    );
    const text = [
      `Made the keys of ${name}.`,
      ...certificateLines(certificate),
      ...paths.map((path) => `  ${path}`),
      'Give the others the certificate (_cert.pem) and, for recovery, _enc_pubk.pem. Keep the',
      '_privk.pem files and a copy of them in a safe place: nobody can make them again.',
    ];
    show(given, { ...certificateDocument(certificate), files: [...paths] }, text.join('\n'));
  },
};

function curveOf(text: string | undefined): CurveName {
  if (text === undefined || text === 'P-384') return 'P-384';
  if (text === 'P-256') return text;
  throw cliError('WrongUsage', `"${text}" is not a curve for members: P-384 or P-256.`);
}

export const memberShowCommand: Command = {
  flags: { ...outputFlags },
  run: async (given) => {
    const [path = ''] = given.positionals;
    const certificate = await readCertificateFile(path);
    const text = [`Member ${certificate.subject}`, ...certificateLines(certificate)];
    show(given, certificateDocument(certificate), text.join('\n'));
  },
};

function certificateLines(certificate: Certificate): readonly string[] {
  const { id, curve, validFrom, validTo } = describeCertificate(certificate);
  return [`  id     ${id}`, `  key    ${curve}`, `  valid  ${validFrom} to ${validTo}`];
}

function certificateDocument(certificate: Certificate) {
  const { id, name, curve, validFrom, validTo } = describeCertificate(certificate);
  return { memberId: id, name, curve, validFrom, validTo };
}

export const memberListCommand: Command = {
  flags: { ...networkFlags, ...outputFlags },
  run: (given) =>
    withNetwork(given, async ({ governance }) => {
      const members = sortedByName(await governance.list('/gov/service/members'));
      const lines = members.map((row) => {
        const data = row.memberData === null ? '' : `  ${JSON.stringify(row.memberData)}`;
        const role = recoveryRoles[String(row.recoveryRole)] ?? '';
        return `${memberName(row).padEnd(16)} ${String(row.status).padEnd(9)} ${role}${data}\n  id ${row.memberId}`;
      });
      show(given, { members: [...members] }, lines.join('\n'));
    }),
};

const recoveryRoles: Readonly<Record<string, string>> = {
  NonParticipant: 'holds no recovery share',
  Participant: 'holds a recovery share',
  Owner: 'can recover alone',
};

export const memberActivateCommand: Command = {
  flags: signedFlags,
  run: (given) => withNetwork(given, (network) => activate(given, network)),
};

/**
 * Two signed requests: the first asks the service for the digest of its state, the second signs
 * that digest. Around an offline key each is prepared and finished.
 */
async function activate(given: Given, network: Network): Promise<void> {
  const prepared = given.text('finish');
  const isSecond =
    prepared !== undefined && (await readSigningRequest(prepared)).request.type === 'ack';
  const digest = isSecond ? '' : await updateDigest(given, network);
  if (digest === undefined) return;
  const acknowledged = await submitSigned(given, network, {
    type: 'ack',
    plan: async (certificate) => acknowledgement(digest, certificate.subject),
    review: async (request) => reviewed(request),
  });
  if (!acknowledged) return;
  const { id, subject } = acknowledged.certificate;
  const { status } = objectOf(await network.governance.read(`/gov/service/members/${id}`));
  const text = `${subject} acknowledged the state of the network and is ${String(status)}.`;
  show(given, { memberId: id, status: status ?? null }, text);
}

/** The digest to sign; undefined when the command ends here, with something prepared. */
async function updateDigest(given: Given, network: Network): Promise<string | undefined> {
  const request: MemberRequest = {
    type: 'state_digest',
    payload: new Uint8Array(0),
    summary: 'Ask for the digest of the network’s state',
  };
  const silent = { preview: '', question: undefined };
  const updated = await submitSigned(given, network, {
    type: 'state_digest',
    plan: async () => ({ request, ...silent }),
    review: async () => silent,
  });
  if (!updated) return undefined;
  const digest = String(objectOf(updated.answer).stateDigest);
  const prepared = given.text('finish');
  if (prepared === undefined) return digest;
  const second = acknowledgement(digest, updated.certificate.subject);
  await writeSigningRequest(`${prepared}.ack`, updated.certificate, second.request);
  showPrepared(given, `${prepared}.ack`);
  return undefined;
}

function acknowledgement(digest: string, subject: string): Intent {
  const request: MemberRequest = {
    type: 'ack',
    payload: encodeJson({ stateDigest: digest }),
    summary: `Acknowledge the network’s state with digest ${digest}`,
  };
  return { request, ...reviewed(request), question: `Acknowledge it, as ${subject}?` };
}

function reviewed(request: MemberRequest): Omit<Intent, 'request'> {
  const preview = `${request.summary}.`;
  return { preview, question: 'Submit this acknowledgement?' };
}
