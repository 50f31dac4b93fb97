/** The SDK as a browser gets it: bundled by the `browser` door of package.json. For tests only. */
import { build } from 'esbuild';

/** A script that defines the global `cocoSdk`. Fails if anything in it needs a module of Node. */
export async function bundleForBrowser(): Promise<string> {
  const result = await build({
    stdin: {
      contents: "export * from '@coco/sdk';",
      resolveDir: import.meta.dirname,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'cocoSdk',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    logLevel: 'silent',
  });
  return result.outputFiles.map(({ text }) => text).join('\n');
}

/**
 * What runs in the foreign realm, with the global `cocoSdk` and its fetch: returns one line for
 * each check. `setup` is what browserSetup gives, as JSON.
 */
export const browserChecks: string = `async (setup) => {
  const { connect, forgetfulMemory, verifyReceipt } = cocoSdk;
  const bytesOf = (base64) => Uint8Array.from(atob(base64), (text) => text.charCodeAt(0));
  const codeOf = async (promise) => {
    try { await promise; return 'accepted'; } catch (error) { return error.code ?? String(error); }
  };
  const lines = [];
  for (const { certificate, receipt, id } of setup.vectors) {
    const bytes = bytesOf(receipt);
    const verified = await verifyReceipt({ receipt: bytes, serviceIdentity: certificate });
    const { view, seqno } = verified.transactionId;
    lines.push('receipt ' + (view + '.' + seqno === id));
    bytes[bytes.length - 1] ^= 1;
    lines.push(await codeOf(verifyReceipt({ receipt: bytes, serviceIdentity: certificate })));
  }
  const { url } = setup;
  const developmentRoot = setup.developmentRoot;
  const identities = [setup.serviceCertificate];
  const dial = (pin, memory) => connect({ url, pin, memory });
  const memory = forgetfulMemory();
  const client = await dial({ developmentRoot, identities }, memory);
  const receipt = await client.receipt('2.6');
  lines.push('signed by ' + receipt.signatureId.seqno);
  lines.push('answer ' + (await client.request({ path: '/app/x' })).status);
  lines.push(await codeOf(dial({ developmentRoot }, memory)));
  lines.push(await codeOf(dial({ developmentRoot }, forgetfulMemory())));
  lines.push(await codeOf(dial({ developmentRoot: setup.otherRoot, identities }, memory)));
  lines.push(await codeOf(dial({ identities }, memory)));
  lines.push(await codeOf(client.request({ path: '//example.com/' })));
  lines.push(await codeOf(client.request({ path: '/huge' })));
  return lines;
}`;

/** What browserChecks must return. */
export const browserLines: readonly string[] = [
  ...Array.from({ length: 3 }, () => ['receipt true', 'ReceiptSignatureInvalid']).flat(),
  'signed by 8',
  'answer 200',
  'accepted',
  'ServiceNotPinned',
  'InvalidQuote',
  'InvalidQuote',
  'InvalidInput',
  'AnswerTooLarge',
];
