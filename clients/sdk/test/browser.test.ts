import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { browserChecks, browserLines, bundleForBrowser } from './browser-bundle.ts';
import { browserSetup } from './browser-setup.ts';

/** What a page has and a bare realm of JavaScript has not. */
const webGlobals = {
  AbortController,
  AbortSignal,
  ArrayBuffer,
  atob,
  btoa,
  clearTimeout,
  crypto: globalThis.crypto,
  performance,
  setTimeout,
  TextDecoder,
  TextEncoder,
  Uint8Array,
  URL,
};

test('the browser bundle verifies services and receipts in a realm without Node', async () => {
  const { service, setupFor } = await browserSetup();
  try {
    const script = await bundleForBrowser();
    assert.ok(!/\bnode:|\brequire\(/.test(script), 'the bundle asks for a module of Node');
    const fetchFromService = async (url: URL): Promise<Response> => {
      const { body, status, headers } = service.respond(url);
      const content = typeof body === 'string' ? body : Uint8Array.from(body);
      return new Response(content, { status, ...(headers && { headers }) });
    };
    const realm = createContext({ ...webGlobals, fetch: fetchFromService });
    assert.equal(
      runInContext('typeof process + typeof require + typeof Buffer', realm),
      'undefined'.repeat(3),
    );
    runInContext(`${script}; globalThis.cocoSdk = cocoSdk;`, realm);
    const setup = setupFor('https://service.example');
    const lines: unknown = await runInContext(`(${browserChecks})(${setup})`, realm);
    assert.deepEqual([...(lines as Iterable<string>)], browserLines);
  } finally {
    await service.stop();
  }
});
