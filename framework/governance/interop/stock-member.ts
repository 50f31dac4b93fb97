/** A member who has nothing of ours: keys by CCF's script or openssl, requests by PyPI ccf's tools. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { concatBytes, encodeJson, fromBase64, type JsonValue } from '@coco/base';
import { EncryptionKey, parseCertificate, SigningKey } from '@coco/crypto';
import type { GovernanceMessageType } from '@coco/endpoint';
import type { Answer, TestMember, TestService } from '../test/service-fixture.ts';

export const python: string | undefined = process.env.COCO_CCF_PYTHON;
export const skip: string | false =
  python === undefined ? 'COCO_CCF_PYTHON is not set: see `npm run test:interop`' : false;

export interface StockMessage {
  readonly type: GovernanceMessageType;
  readonly json?: JsonValue;
  readonly proposalId?: string;
}

const quiet: { readonly stdio: ('ignore' | 'pipe')[] } = { stdio: ['ignore', 'pipe', 'pipe'] };

function tool(name: string): string {
  return join(dirname(python ?? ''), name);
}

export class StockMember {
  readonly folder: string;
  readonly name: string;
  /** Signs in two steps around a signature by openssl, as with a key in an HSM. */
  readonly hasExternalKey: boolean;

  constructor(folder: string, name: string, options: { hasExternalKey?: boolean } = {}) {
    this.folder = folder;
    this.name = name;
    this.hasExternalKey = options.hasExternalKey ?? false;
  }

  path(suffix: string): string {
    return join(this.folder, `${this.name}_${suffix}`);
  }

  text(suffix: string): string {
    return readFileSync(this.path(suffix), 'utf8');
  }

  openssl(...args: readonly string[]): Buffer {
    return execFileSync('openssl', args, quiet);
  }

  /** Makes keys and certificate as CCF's own script does. */
  generateKeys(curve: 'secp384r1' | 'secp256r1'): void {
    const args = [tool('keygenerator.sh'), '--name', this.name, '--curve', curve, '--gen-enc-key'];
    execFileSync('bash', args, { ...quiet, cwd: this.folder });
  }

  /** The same with openssl alone, on any of its curves. */
  generateKeysByOpenssl(curve: string, digest: string): void {
    this.openssl('ecparam', '-out', this.path('privk.pem'), '-name', curve, '-genkey');
    const request = [
      '-new',
      '-x509',
      '-nodes',
      '-days',
      '365',
      `-${digest}`,
      '-subj',
      '/CN=member',
    ];
    const files = ['-key', this.path('privk.pem'), '-out', this.path('cert.pem')];
    this.openssl('req', ...request, ...files);
    this.openssl('genrsa', '-out', this.path('enc_privk.pem'), '2048');
  }

  /** What genesis needs to know of the member. */
  member(): TestMember {
    const certificatePem = this.text('cert.pem');
    return {
      id: parseCertificate(certificatePem).id,
      key: SigningKey.fromPem(this.openssl('ec', '-in', this.path('privk.pem')).toString()),
      certificatePem,
      encryptionKey: EncryptionKey.fromPem(this.text('enc_privk.pem')),
      role: undefined,
    };
  }

  /** @param createdAt ISO 8601, without a zone */
  sign(message: StockMessage, createdAt: string): Uint8Array {
    const { type, json, proposalId } = message;
    writeFileSync(this.path('content'), json === undefined ? '' : encodeJson(json));
    const common = ['--content', this.path('content'), '--signing-cert', this.path('cert.pem')];
    common.push('--ccf-gov-msg-type', type, '--ccf-gov-msg-created_at', createdAt);
    if (proposalId !== undefined) common.push('--ccf-gov-msg-proposal_id', proposalId);
    if (!this.hasExternalKey) {
      const key = ['--signing-key', this.path('privk.pem')];
      return execFileSync(tool('ccf_cose_sign1'), [...common, ...key], quiet);
    }
    const prepared = JSON.parse(
      execFileSync(tool('ccf_cose_sign1_prepare'), common, quiet).toString(),
    );
    writeFileSync(this.path('digest'), fromBase64(prepared.value));
    const signing = ['-sign', '-inkey', this.path('privk.pem'), '-in', this.path('digest')];
    const signature = Buffer.from(fixedLength(this.openssl('pkeyutl', ...signing)));
    writeFileSync(
      this.path('signature'),
      JSON.stringify({ value: signature.toString('base64url') }),
    );
    const finish = [...common, '--signature', this.path('signature')];
    return execFileSync(tool('ccf_cose_sign1_finish'), finish, quiet);
  }

  /** Signs and sends, a second after whatever came before. */
  send(service: TestService, path: string, message: StockMessage): Promise<Answer> {
    service.clock.advance(1000);
    const createdAt = new Date(service.clock.nowMs()).toISOString().slice(0, 19);
    return service.postBytes(path, this.sign(message, createdAt));
  }

  propose(service: TestService, name: string, args: JsonValue): Promise<Answer> {
    const json = { actions: [{ name, args }] };
    return this.send(service, '/members/proposals:create', { type: 'proposal', json });
  }

  vote(service: TestService, proposalId: string, ballot: string): Promise<Answer> {
    const path = `/members/proposals/${proposalId}/ballots/${this.member().id}:submit`;
    return this.send(service, path, { type: 'ballot', json: { ballot }, proposalId });
  }
}

/** openssl's DER signature (P-384 or P-256) as r and s of equal length, which COSE has. */
function fixedLength(der: Uint8Array): Uint8Array {
  let at = 2;
  const numbers = [0, 1].map(() => {
    const length = der[at + 1] ?? 0;
    const number = der.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    return number[0] === 0 ? number.subarray(1) : number;
  });
  const size = Math.max(...numbers.map(({ length }) => length)) > 32 ? 48 : 32;
  return concatBytes(
    ...numbers.map((number) => concatBytes(new Uint8Array(size - number.length), number)),
  );
}
