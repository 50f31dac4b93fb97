/** The identity of a service and of the node that creates it. */
import { encodeJson, toBase64 } from '@coco/base';
import {
  createCertificate,
  createSigningRequest,
  type EncryptionKey,
  SigningKey,
  sha256,
} from '@coco/crypto';
import type { NewNode } from '../src/genesis.ts';
import { startMs, takeRsaKey } from './test-member.ts';

export interface Identity {
  readonly serviceKey: SigningKey;
  readonly serviceCertificate: string;
  readonly nodeKey: EncryptionKey;
  readonly node: NewNode;
}

export async function createIdentity(): Promise<Identity> {
  const serviceKey = SigningKey.generate('P-256');
  const certificate = { subject: 'Service', key: serviceKey, notBeforeMs: startMs, days: 365 };
  const serviceCertificate = await createCertificate({ ...certificate, isAuthority: true });
  const nodeSigningKey = SigningKey.generate('P-256');
  const nodeKey = takeRsaKey();
  const quote = {
    measurement: 'test measurement',
    host_data: 'aa'.repeat(32),
    report_data: toBase64(sha256(nodeSigningKey.spki)),
  };
  const asked = { subject: 'Node', key: nodeSigningKey, hosts: ['127.0.0.1'] };
  const endorsedCertificatePem = await createCertificate({
    ...asked,
    issuer: { subject: 'Service', key: serviceKey },
    isAuthority: false,
    notBeforeMs: startMs,
    days: 365,
  });
  const node: NewNode = {
    id: nodeSigningKey.id,
    endorsedCertificatePem,
    encryptionPublicKeyPem: nodeKey.publicPem,
    quoteInfo: {
      format: 'Insecure_Virtual',
      quote: toBase64(encodeJson(quote)),
      endorsements: '',
    },
    rpcInterfaces: {
      primary_rpc_interface: {
        app_protocol: 'HTTP1',
        published_address: '127.0.0.1:8000',
        bind_address: 'x',
      },
    },
    nodeToNodeInterface: { bind_address: '127.0.0.1:9000' },
    certificateSigningRequestPem: await createSigningRequest(asked),
  };
  return { serviceKey, serviceCertificate, nodeKey, node };
}
