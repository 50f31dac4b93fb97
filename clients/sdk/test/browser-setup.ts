/** The service and vectors with which the browser checks run. For tests only. */
import { toBase64 } from '@coco/base';
import { type CurveName, SigningKey } from '@coco/crypto';
import { FakeService, makeParts, sampleLedger } from './fake-service.ts';

const huge = 'x'.repeat(17 * 1024 * 1024);

function publicPem(key: SigningKey): string {
  return `-----BEGIN PUBLIC KEY-----\n${toBase64(key.spki)}\n-----END PUBLIC KEY-----\n`;
}

/** Starts a service; `setupFor(url)` is what browserChecks takes. */
export async function browserSetup(): Promise<{
  readonly service: FakeService;
  readonly setupFor: (url: string) => string;
}> {
  const service = await FakeService.start();
  service.lies.set('/huge', () => ({ status: 200, body: huge }));
  const curves: readonly CurveName[] = ['P-256', 'P-384', 'P-521'];
  const vectors = await Promise.all(
    curves.map(async (curve) => {
      const { serviceKey, serviceCertificate } = await makeParts({
        serviceKey: SigningKey.generate(curve),
      });
      const receipt = sampleLedger(serviceKey).receipt(6) ?? new Uint8Array();
      return { id: '2.6', certificate: serviceCertificate, receipt: toBase64(receipt) };
    }),
  );
  const setupFor = (url: string): string =>
    JSON.stringify({
      url,
      vectors,
      developmentRoot: publicPem(service.parts.root),
      otherRoot: publicPem(SigningKey.generate('P-256')),
      serviceCertificate: service.parts.serviceCertificate,
    });
  return { service, setupFor };
}
