/** JSON-RPC over HTTP without a library, for suites that look at answers as they come. */
import assert from 'node:assert/strict';
import type { Ask } from '../test/recompute-block.ts';

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

async function post(url: string, body: unknown): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200);
  return response.json();
}

/** Gives results; an error of the node fails the test. */
export function askAt(url: string): Ask {
  return async (method, ...params) => {
    const { result, error } = (await post(url, {
      jsonrpc: '2.0',
      id: 1,
      method,
      params,
    })) as Answer;
    assert.equal(error, undefined, `${method}: ${error?.message}`);
    return result;
  };
}

/** One JSON-RPC batch; its results in the order of the calls. */
export async function batchAt(
  url: string,
  calls: readonly (readonly [method: string, ...params: unknown[]])[],
): Promise<readonly unknown[]> {
  const bodies = calls.map(([method, ...params], id) => ({ jsonrpc: '2.0', id, method, params }));
  const answers = (await post(url, bodies)) as readonly Answer[];
  return calls.map(([method], id) => {
    const { result, error } = answers.find((one) => one.id === id) ?? {};
    assert.equal(error, undefined, `${method}: ${error?.message}`);
    return result;
  });
}
