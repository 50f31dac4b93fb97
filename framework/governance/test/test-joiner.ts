/** A node that asks to join a service in memory, with evidence by a development root. */
import { reportDataOf, VirtualPlatform } from '@coco/attestation';
import { type JsonValue, toBase64 } from '@coco/base';
import { createCertificate, createSigningRequest, SigningKey } from '@coco/crypto';
import { emptyResponse } from '@coco/endpoint';
import { type Admission, admitNode, type JoinPorts } from '../src/admit-node.ts';
import type { JoinRequest } from '../src/join-request.ts';
import type { TestService } from './service-fixture.ts';
import { startMs, takeRsaKey } from './test-member.ts';

const root: SigningKey = SigningKey.generate('P-256');

export interface Joiner {
  readonly id: string;
  /** DER of its self-signed certificate. */
  readonly certificate: Uint8Array;
  readonly request: JoinRequest;
}

let ports = 10_000;

export async function createJoiner(
  options: {
    readonly measurement?: string;
    readonly hostData?: string;
    readonly address?: string;
    readonly nodeData?: JsonValue;
    readonly root?: SigningKey;
    /** Evidence and signing request of another key. */
    readonly evidenceOf?: SigningKey;
    readonly requestOf?: SigningKey;
  } = {},
): Promise<Joiner> {
  const key = SigningKey.generate('P-256');
  const platform = new VirtualPlatform({
    root: options.root ?? root,
    measurement: options.measurement ?? 'test measurement',
    hostData: options.hostData ?? 'aa'.repeat(32),
  });
  const evidence = await platform.evidenceFor(await reportDataOf((options.evidenceOf ?? key).spki));
  const pem = await createCertificate({
    subject: 'Node',
    key,
    isAuthority: false,
    notBeforeMs: startMs,
    days: 9,
  });
  const publishedAddress = options.address ?? `127.0.0.1:${ports++}`;
  return {
    id: key.id,
    certificate: Buffer.from(pem.replace(/-----.*?-----|\s/g, ''), 'base64'),
    request: {
      nodeToNodeInterface: { bindAddress: publishedAddress, publishedAddress },
      rpcInterfaces: { main: { published_address: '127.0.0.1:8000' } },
      quoteInfo: {
        format: evidence.format,
        quote: toBase64(evidence.quote),
        endorsements: toBase64(evidence.endorsements),
      },
      encryptionPublicKeyPem: takeRsaKey().publicPem,
      signingRequestPem: await createSigningRequest({
        subject: 'Node',
        key: options.requestOf ?? key,
        hosts: ['127.0.0.1'],
      }),
      nodeData: options.nodeData,
    },
  };
}

/** The node asks, as the primary of the service hears it. */
export async function ask(
  service: TestService,
  joiner: Omit<Joiner, 'certificate'> & { readonly certificate: Uint8Array | undefined },
  changes: Partial<JoinPorts> = {},
): Promise<Admission> {
  let admission: Admission | undefined;
  const given = {
    ...service.ports,
    developmentRoots: [root.spki],
    nodeCertificateDays: 90,
    silentMs: () => 0,
    ...changes,
  };
  await service.runOptimistic(async (transaction) => {
    admission = await admitNode(transaction, joiner, given);
    return { response: emptyResponse() };
  });
  return admission as Admission;
}
