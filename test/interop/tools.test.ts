/** The independent tools that the rooms' interop suites rely on are there and are those pinned. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';

const python = process.env.COCO_CCF_PYTHON;
const skip =
  python === undefined ? 'COCO_CCF_PYTHON is not set: see `npm run test:interop`' : false;

test('the Python of COCO_CCF_PYTHON imports the pinned ccf package', { skip }, () => {
  const pins = readFileSync(
    new URL('../../scripts/interop/requirements.txt', import.meta.url),
    'utf8',
  );
  const pinned = /^ccf==(\S+)/m.exec(pins)?.[1];
  const code =
    'import ccf.ledger, ccf.receipt, importlib.metadata; print(importlib.metadata.version("ccf"))';
  const answer = execFileSync(python ?? '', ['-c', code], { encoding: 'utf8' });
  assert.equal(answer.trim(), pinned);
});
