/**
 * The browser bundle in a real browser: headless Chromium loads a page from a loopback server,
 * runs the checks there, and posts the lines back.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { browserChecks, browserLines, bundleForBrowser } from '../test/browser-bundle.ts';
import { browserSetup } from '../test/browser-setup.ts';

const candidates = [
  process.env.COCO_CHROMIUM ?? '',
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const chromium = candidates.find((path) => path !== '' && existsSync(path));
const remedy =
  'No Chromium was found: install Debian package chromium-headless-shell (or chromium), or set COCO_CHROMIUM to the path of one.';
/** A cold start of a browser on a busy machine. */
const browserMsMax = 60_000;

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) text += String(part);
  return text;
}

/** Runs a page in the browser until `done`, then ends the browser. */
async function withBrowser(path: string, url: string, done: Promise<string>): Promise<string> {
  const profile = await mkdtemp(join(tmpdir(), 'coco-chromium-'));
  const options = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
  // Without a port for debugging a headless shell ends as soon as the page has loaded.
  const child = spawn(
    path,
    [...options, '--remote-debugging-port=0', `--user-data-dir=${profile}`, url],
    // A group of its own, so that its helper processes end with it.
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  let complaints = '';
  child.stderr.on('data', (part: Uint8Array) => {
    complaints += String(part);
  });
  const exited = once(child, 'exit');
  const ended = exited.then(() => assert.fail(`Chromium ended early: ${complaints}`));
  const late = new AbortController();
  const limit = new Promise<never>((_, reject) => {
    const timer = setTimeout(
      () => reject(new assert.AssertionError({ message: complaints })),
      browserMsMax,
    );
    late.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  try {
    return await Promise.race([done, ended, limit]);
  } finally {
    late.abort();
    ended.catch(() => undefined);
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await exited;
    child.stderr.destroy();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

test('the browser bundle verifies services and receipts in Chromium', async (context) => {
  if (!chromium) {
    assert.notEqual(process.env.CI, 'true', remedy);
    context.skip(remedy);
    return;
  }
  const { service, setupFor } = await browserSetup();
  const script = await bundleForBrowser();
  const posted = Promise.withResolvers<string>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', origin);
    if (request.method === 'POST') {
      posted.resolve(bodyOf(request));
      response.end();
    } else if (url.pathname === '/page') {
      response.setHeader('content-type', 'text/html');
      response.end(`<!doctype html><script>${script}</script><script>
        (${browserChecks})(${setupFor(origin)})
          .catch((error) => [String(error)])
          .then((lines) => fetch('/lines', { method: 'POST', body: JSON.stringify(lines) }));
      </script>`);
    } else {
      const { status, headers, body } = service.respond(url);
      response.writeHead(status, headers);
      response.end(body);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const lines = await withBrowser(chromium, `${origin}/page`, posted.promise);
    assert.deepEqual(JSON.parse(lines), browserLines);
  } finally {
    server.closeAllConnections();
    server.close();
    await service.stop();
  }
});
