/** One JSON-RPC call over HTTP, where a whole client library would be too much. */
import { isJsonObject, type JsonValue } from '@coco/base';
import { cliError } from './errors.ts';

/** @throws SandboxUnreachable when nothing answers; WrongUsage with the service's own sentence */
export async function callRpc(
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
