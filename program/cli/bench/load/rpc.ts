/** JSON-RPC over a lane, for what is done before and after the measurement. */
import { assert, isJsonObject, type JsonValue } from '@coco/base';
import { HttpLane } from './http-lane.ts';

/** Calls of one body; every node that is measured takes that many. */
const batchCallsMax = 100;

interface RpcCall {
  readonly method: string;
  readonly params: readonly JsonValue[];
}

/** The text of one call, or of several as a batch. */
export function callText(calls: readonly RpcCall[]): string {
  const texts = calls.map(({ method, params }, id) =>
    JSON.stringify({ jsonrpc: '2.0', id, method, params }),
  );
  return texts.length === 1 ? `${texts[0]}` : `[${texts.join(',')}]`;
}

export class Rpc {
  readonly #lane: HttpLane;

  private constructor(lane: HttpLane) {
    this.#lane = lane;
  }

  static async open(url: string): Promise<Rpc> {
    return new Rpc(await HttpLane.open(url));
  }

  async call(method: string, ...params: readonly JsonValue[]): Promise<JsonValue> {
    const body = await this.#lane.exchange(this.#lane.prepare(callText([{ method, params }])));
    return resultOf(JSON.parse(body.toString()) as JsonValue);
  }

  /** The results in the order of the calls. */
  async all(calls: readonly RpcCall[]): Promise<readonly JsonValue[]> {
    const results: JsonValue[] = [];
    for (let at = 0; at < calls.length; at += batchCallsMax) {
      const some = calls.slice(at, at + batchCallsMax);
      const body = await this.#lane.exchange(this.#lane.prepare(callText(some)));
      const value = JSON.parse(body.toString()) as JsonValue;
      const answers = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
      assert(answers.length === some.length, 'a node answers every call of a batch');
      const place = (answer: JsonValue): number => Number(isJsonObject(answer) ? answer.id : -1);
      results.push(...[...answers].sort((a, b) => place(a) - place(b)).map(resultOf));
    }
    return results;
  }

  close(): void {
    this.#lane.close();
  }
}

function resultOf(answer: JsonValue): JsonValue {
  assert(isJsonObject(answer), 'an answer is an object');
  assert(answer.error === undefined, `a call is answered: ${JSON.stringify(answer.error)}`);
  return answer.result ?? null;
}
