/** One JSON-RPC call over HTTP, where a whole client library would be too much. */
import { isJsonObject, type JsonValue, LedgerError } from '@coco/base';
import { cliError } from './errors.ts';

/**
 * Calls the first of the nodes that answers.
 * @throws SandboxUnreachable when none answers; WrongUsage with the service's own sentence
 */
export async function callRpc(
  urls: string | readonly [string, ...(readonly string[])],
  method: string,
  params: readonly JsonValue[],
): Promise<JsonValue> {
  const [first, ...others] = typeof urls === 'string' ? [urls] : urls;
  try {
    return await callOne(first, method, params);
  } catch (error) {
    const [next, ...rest] = others;
    const isSilent = error instanceof LedgerError && error.code === 'SandboxUnreachable';
    if (!isSilent || next === undefined) throw error;
    return callRpc([next, ...rest], method, params);
  }
}

async function callOne(
  url: string,
  method: string,
  params: readonly JsonValue[],
): Promise<JsonValue> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  }).catch((cause: unknown) => {
    const message = `Nothing answers at ${url}: start the sandbox with "npm start".`;
    throw cliError('SandboxUnreachable', message, {}, cause);
  });
  const answer = (await response.json().catch((cause: unknown) => {
    const message = `What answers at ${url} is not the sandbox: is it the right port?`;
    throw cliError('SandboxUnreachable', message, {}, cause);
  })) as JsonValue;
  const { error, result = null } = isJsonObject(answer) ? answer : { error: answer };
  if (error === undefined) return result;
  const { message = 'no reason' } = isJsonObject(error) ? error : {};
  throw cliError('WrongUsage', `${method} was refused: ${String(message)}.`);
}
