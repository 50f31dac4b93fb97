/** The files that a configuration names. One that cannot be read is a wrong configuration. */

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type JsonValue, parseJson, utf8Decode } from '@coco/base';
import type { NewMember } from '@coco/governance';
import type { MemberConfiguration } from './command-configuration.ts';
import { nodeError } from './errors.ts';

/** Certificates, keys and constitutions: a constitution of thousands of lines fits. */
const fileBytesMax = 1024 * 1024;
/** What members tell of themselves. */
const dataLimits = { bytesMax: 64 * 1024, depthMax: 16 } as const;

/** @throws InvalidConfiguration, InvalidInput when it is not UTF-8 */
export async function readConfiguredText(folder: string, file: string): Promise<string> {
  return utf8Decode(await readConfigured(folder, file));
}

async function readConfigured(folder: string, file: string): Promise<Uint8Array> {
  const bytes = await readFile(resolve(folder, file)).catch((cause: unknown) => {
    const message = `The file "${file}", which the configuration names, cannot be read.`;
    throw nodeError('InvalidConfiguration', message, { file }, cause);
  });
  if (bytes.length <= fileBytesMax) return bytes;
  const message = `The file "${file}" is larger than ${fileBytesMax} bytes.`;
  throw nodeError('InvalidConfiguration', message, { file });
}

/** @throws InvalidConfiguration, InvalidInput */
export async function readMember(folder: string, member: MemberConfiguration): Promise<NewMember> {
  const { certificateFile, encryptionPublicKeyFile, dataJsonFile, recoveryRole } = member;
  return {
    certificatePem: await readConfiguredText(folder, certificateFile),
    ...(encryptionPublicKeyFile && {
      encryptionPublicKeyPem: await readConfiguredText(folder, encryptionPublicKeyFile),
    }),
    ...(recoveryRole && { recoveryRole }),
    ...(dataJsonFile && {
      memberData: parseJson(await readConfigured(folder, dataJsonFile), dataLimits),
    }),
  };
}

/** What the operator says of the node; undefined without a file. @throws InvalidConfiguration */
export async function readNodeData(
  folder: string,
  file: string | undefined,
): Promise<JsonValue | undefined> {
  return file === undefined ? undefined : parseJson(await readConfigured(folder, file), dataLimits);
}

/** The parts of the constitution as one script. @throws InvalidConfiguration */
export async function readConstitution(folder: string, files: readonly string[]): Promise<string> {
  const parts = await Promise.all(files.map((file) => readConfiguredText(folder, file)));
  return parts.join('\n');
}
