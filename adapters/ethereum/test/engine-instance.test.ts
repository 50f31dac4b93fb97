/** The interface to the WebAssembly module: docs/formats/engine-abi.md and the artefact's hash. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import { fromHex, toHex } from '@coco/base';
import { engineArtefactUrl } from '../src/engine.ts';
import { EngineInstance, type Operation } from '../src/engine-instance.ts';
import { engineModule } from './memory-state.ts';

const page = readFileSync(new URL('../../../docs/formats/engine-abi.md', import.meta.url), 'utf8');

test('the artefact has the hash that is recorded beside it', () => {
  const wasm = brotliDecompressSync(readFileSync(engineArtefactUrl));
  const recorded = readFileSync(new URL('../wasm/engine.wasm.sha256', import.meta.url), 'utf8');
  assert.equal(`${createHash('sha256').update(wasm).digest('hex')}  engine.wasm\n`, recorded);
});

test('the artefact holds no path of the machine that built it', () => {
  const wasm = brotliDecompressSync(readFileSync(engineArtefactUrl)).toString('latin1');
  assert.doesNotMatch(wasm, /\/(?:home|root|tmp|work|usr|var|builds)\//);
});

test('the page lists the imports that the module has, and no others', () => {
  const imports = WebAssembly.Module.imports(engineModule).map(({ name }) => name);
  const section = page.split('## Imports')[1]?.split('## ')[0] ?? '';
  const listed = [...section.matchAll(/^\| (\w+)\(/gm)].map(([, name]) => name);
  assert.deepEqual([...imports].sort(), [...listed].sort());
});

test('the vector of the page', () => {
  const [raw, result] = (page.split('## Vector')[1] ?? '').match(/^[0-9a-f]{100,}$/gm) ?? [];
  assert.ok(raw !== undefined && result !== undefined);
  const answer = new EngineInstance(engineModule).call('decode_transaction', fromHex(raw));
  assert.equal(answer.status, 0);
  assert.equal(toHex(answer.reader.rest()), result);
});

test('messages that do not parse are answered with status 65 and stop nothing', () => {
  const instance = new EngineInstance(engineModule);
  const operations: Operation[] = ['execute', 'block_roots', 'encode_receipt', 'encode_header'];
  for (const operation of operations) {
    for (const length of [0, 1, 3, 40, 200]) {
      const message = new Uint8Array(length).fill(0xff);
      assert.equal(instance.call(operation, message).status, 65, `${operation} of ${length}`);
    }
  }
  assert.equal(instance.call('recover', new Uint8Array(98)).status, 65);
  assert.equal(instance.call('keccak256', new Uint8Array(0)).status, 0);
});
