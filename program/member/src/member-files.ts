/**
 * A member's files. They are written once, readable by their owner only, and never overwritten: a
 * key that is gone cannot be made again.
 */
import { open, readdir, readFile, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  type Certificate,
  type CurveName,
  EncryptionKey,
  parseCertificate,
  SigningKey,
} from '@coco/crypto';
import { memberError } from './errors.ts';
import { createMemberKeys } from './member-keys.ts';

const fileMode = 0o600;
const fileBytesMax = 64 * 1024;
const certificateEnding = '_cert.pem';

/**
 * Makes a member's keys in a folder that is there, all or none. Returns the certificate.
 * @throws MemberFileExists when one of the names is taken; MemberFileInvalid
 */
export async function writeMemberFiles(options: {
  readonly folder: string;
  readonly name: string;
  readonly curve: CurveName;
  readonly hasEncryptionKey: boolean;
  readonly nowMs: number;
}): Promise<{ readonly paths: readonly string[]; readonly certificate: Certificate }> {
  const { files, certificatePem } = await createMemberKeys(options);
  const written: string[] = [];
  try {
    for (const [name, text] of files) {
      const path = join(options.folder, name);
      await writeNewFile(path, text);
      written.push(path);
    }
    await syncFolder(options.folder);
  } catch (error) {
    for (const path of written) await unlink(path);
    throw error;
  }
  return { paths: written, certificate: parseCertificate(certificatePem) };
}

/** Writes a file that must not be there yet, for its owner only; durable when it resolves. */
export async function writeNewFile(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx', fileMode).catch((cause: unknown) => {
    if (codeOf(cause) === 'EEXIST') {
      const message = `The file ${path} is there already, and keys are never overwritten.`;
      throw memberError('MemberFileExists', message, {}, cause);
    }
    const message = `The file ${path} cannot be written (${codeOf(cause)}).`;
    throw memberError('MemberFileInvalid', message, {}, cause);
  });
  try {
    await file.writeFile(content);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Makes names that were created in a folder, or renamed, durable. */
export async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders; there a file is as durable as the file system makes it.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The files of one member, found by folder, by prefix (`keys/bank-a`) or by certificate. */
export class MemberFiles {
  /** All that stands before `_cert.pem`. */
  readonly prefix: string;

  private constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** @throws MemberFileInvalid when the place names no member, or several */
  static async find(place: string): Promise<MemberFiles> {
    if (place.endsWith(certificateEnding)) {
      return new MemberFiles(place.slice(0, -certificateEnding.length));
    }
    const found = await stat(place).catch(() => undefined);
    if (!found?.isDirectory()) return new MemberFiles(place);
    const names = (await readdir(place))
      .filter((name) => name.endsWith(certificateEnding))
      .map((name) => name.slice(0, -certificateEnding.length))
      .sort();
    const [only] = names;
    if (only !== undefined && names.length === 1) return new MemberFiles(join(place, only));
    const what = names.length === 0 ? 'no member' : `several members (${names.join(', ')})`;
    const message = `The folder ${place} holds ${what}: name one, such as ${join(place, 'NAME')}.`;
    throw memberError('MemberFileInvalid', message);
  }

  get folder(): string {
    return dirname(this.prefix);
  }

  get name(): string {
    return basename(this.prefix);
  }

  /** @throws MemberFileInvalid */
  readCertificate(): Promise<Certificate> {
    return readCertificateFile(`${this.prefix}${certificateEnding}`);
  }

  /** @throws MemberFileInvalid */
  readSigningKey(): Promise<SigningKey> {
    return readSigningKeyFile(`${this.prefix}_privk.pem`);
  }

  /** @throws MemberFileInvalid */
  readEncryptionKey(): Promise<EncryptionKey> {
    return readEncryptionKeyFile(`${this.prefix}_enc_privk.pem`);
  }

  /** PEM; undefined for a member who takes no part in recovery. */
  async readEncryptionPublicKey(): Promise<string | undefined> {
    return readFile(`${this.prefix}_enc_pubk.pem`, 'utf8').catch(() => undefined);
  }
}

/** @throws MemberFileInvalid */
export function readCertificateFile(path: string): Promise<Certificate> {
  return readPem(path, 'a certificate', parseCertificate);
}

/** @throws MemberFileInvalid */
export function readSigningKeyFile(path: string): Promise<SigningKey> {
  return readPem(path, 'a private key on P-256, P-384 or P-521', (text) =>
    SigningKey.fromPem(privateKeyBlock(text)),
  );
}

/** @throws MemberFileInvalid */
export function readEncryptionKeyFile(path: string): Promise<EncryptionKey> {
  return readPem(path, 'an RSA private key of 2048 bits or more', EncryptionKey.fromPem);
}

/** `openssl ecparam -genkey` writes the curve's parameters before the key. */
function privateKeyBlock(text: string): string {
  const block = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?-----END \1-----/.exec(text);
  return block?.[0] ?? text;
}

async function readPem<Parsed>(
  path: string,
  what: string,
  parse: (text: string) => Parsed,
): Promise<Parsed> {
  const text = await readTextFile(path);
  try {
    return parse(text);
  } catch (cause) {
    throw memberError('MemberFileInvalid', `The file ${path} is not ${what}.`, {}, cause);
  }
}

/** @throws MemberFileInvalid */
export async function readTextFile(path: string, bytesMax: number = fileBytesMax): Promise<string> {
  return new TextDecoder().decode(await readBytesFile(path, bytesMax));
}

/** @throws MemberFileInvalid */
export async function readBytesFile(
  path: string,
  bytesMax: number = fileBytesMax,
): Promise<Uint8Array> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() && found.size > bytesMax) {
    const message = `The file ${path} has more than ${bytesMax} bytes.`;
    throw memberError('MemberFileInvalid', message);
  }
  return readFile(path).catch((cause: unknown) => {
    const message = `The file ${path} cannot be read (${codeOf(cause)}).`;
    throw memberError('MemberFileInvalid', message, {}, cause);
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}
