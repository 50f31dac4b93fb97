/**
 * How a member signs: with a key in a file, by a command that reaches one elsewhere, or in two
 * steps around a machine that is offline. The sandbox's members are chosen by --as.
 */
import type { Certificate } from '@coco/crypto';
import {
  commandSigner,
  encodeSigningRequest,
  finishRequest,
  keySigner,
  MemberFiles,
  type MemberRequest,
  parseSigningRequest,
  prepareRequest,
  readBytesFile,
  readCertificateFile,
  readSigningKeyFile,
  type SignedRequest,
  type Signer,
  type SigningRequest,
  writeNewFile,
} from '@coco/member';
import type { Flag, Given } from './command-line.ts';
import { cliError } from './errors.ts';
import { sandboxOf } from './network.ts';

const requestBytesMax = 16 * 1024 * 1024;

export const identityFlags: Readonly<Record<string, Flag>> = {
  as: { type: 'string', value: 'NAME', meaning: 'a member of the sandbox: member0, member1, ...' },
  member: {
    type: 'string',
    value: 'PLACE',
    meaning: 'the member’s keys: a folder, or DIR/NAME for NAME_cert.pem and NAME_privk.pem',
  },
  cert: { type: 'string', value: 'PEM', meaning: 'the member’s certificate, instead of --member' },
  key: { type: 'string', value: 'PEM', meaning: 'its private key, with --cert' },
  signer: {
    type: 'string',
    value: 'COMMAND',
    meaning: 'signs in place of a key: bytes on stdin, signature (raw, DER, base64) on stdout',
  },
};

export const twoStepFlags: Readonly<Record<string, Flag>> = {
  prepare: {
    type: 'string',
    value: 'FILE',
    meaning: 'write what is to be signed to FILE (and FILE.tbs), to sign it elsewhere',
  },
  finish: { type: 'string', value: 'FILE', meaning: 'submit what was prepared in FILE' },
  signature: { type: 'string', value: 'FILE', meaning: 'its signature; with --finish' },
};

/** The files of the member whom the flags name; undefined where they name none. */
export async function memberFilesOf(given: Given): Promise<MemberFiles | undefined> {
  const name = given.text('as');
  const place = given.text('member');
  if (name !== undefined && place !== undefined) {
    throw cliError('WrongUsage', 'Give --as or --member, not both.');
  }
  if (name !== undefined) {
    if (given.inOrder(['network']).length > 0) {
      throw cliError('WrongUsage', '--as names a member of the sandbox, not of --network.');
    }
    if (!/^member\d{1,3}$/.test(name)) {
      throw cliError(
        'WrongUsage',
        `"${name}" is not a member of the sandbox: member0, member1, ...`,
      );
    }
    return MemberFiles.find(sandboxOf(given).member(name));
  }
  return place === undefined ? undefined : MemberFiles.find(place);
}

/** @throws WrongUsage when the flags name no member; MemberFileInvalid */
export async function certificateOf(given: Given): Promise<Certificate> {
  const path = given.text('cert');
  if (path !== undefined) return readCertificateFile(path);
  const files = await memberFilesOf(given);
  if (files) return files.readCertificate();
  const message = 'Say who acts: --as NAME in the sandbox, --member PLACE, or --cert PEM.';
  throw cliError('WrongUsage', message);
}

async function signerOf(given: Given): Promise<Signer> {
  const certificate = await certificateOf(given);
  const command = given.text('signer');
  if (command !== undefined) return commandSigner(certificate, command);
  const path = given.text('key');
  if (path !== undefined) return keySigner(certificate, await readSigningKeyFile(path));
  const files = await memberFilesOf(given);
  if (files) return keySigner(certificate, await files.readSigningKey());
  throw cliError('WrongUsage', 'Say how to sign: --key PEM, --signer COMMAND or --prepare FILE.');
}

/** Signs now. @throws WrongUsage, MemberFileInvalid, SignerFailed */
export async function signRequest(given: Given, request: MemberRequest): Promise<SignedRequest> {
  const signer = await signerOf(given);
  const waiting = prepareRequest(request, by(signer.certificate));
  return finishRequest(waiting, await signer.sign(waiting.prepared.toBeSigned));
}

function by(certificate: Certificate) {
  return { certificate, createdAtSeconds: Math.floor(Date.now() / 1000) };
}

/** The first of two steps: writes the request and, beside it, the bare bytes that are signed. */
export async function writeSigningRequest(
  path: string,
  certificate: Certificate,
  request: MemberRequest,
): Promise<void> {
  const waiting = prepareRequest(request, by(certificate));
  await writeNewFile(`${path}.tbs`, waiting.prepared.toBeSigned);
  await writeNewFile(path, encodeSigningRequest(waiting));
}

/** The second step. @throws SigningRequestInvalid, MemberFileInvalid */
export async function readSigningRequest(path: string): Promise<SigningRequest> {
  return parseSigningRequest(await readBytesFile(path, requestBytesMax));
}

/** @throws SignerFailed when the signature is not by the request's certificate */
export async function finishFromFile(
  given: Given,
  waiting: SigningRequest,
): Promise<SignedRequest> {
  const path = given.text('signature');
  if (path === undefined) throw cliError('WrongUsage', 'With --finish comes --signature FILE.');
  return finishRequest(waiting, await readBytesFile(path));
}
