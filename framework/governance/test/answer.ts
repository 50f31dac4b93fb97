/** Responses as tests look at them. */
import assert from 'node:assert/strict';
import { isJsonObject, type JsonValue, parseJson } from '@coco/base';
import type { Response } from '@coco/endpoint';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly body: JsonValue;
  /** A field of the body; of its error when `error.` leads. */
  field(name: string): JsonValue;
}

export function answerOf(response: Response): Answer {
  const isJson = response.headers['content-type'] === 'application/json';
  const body = isJson ? parseJson(response.body) : null;
  return {
    status: response.status,
    headers: response.headers,
    text: Buffer.from(response.body).toString(),
    body,
    field: (name) => {
      let value: JsonValue | undefined = body;
      for (const part of name.split('.')) value = isJsonObject(value) ? value[part] : undefined;
      assert.ok(value !== undefined, `${name} stands in ${JSON.stringify(body)}`);
      return value;
    },
  };
}

/** Status, code and message of a refusal, in one comparable value. */
export function refusalOf(answer: Answer): readonly [number, JsonValue, JsonValue] {
  return [answer.status, answer.field('error.code'), answer.field('error.message')];
}
