/**
 * The outside of one run: answers what its script asks, checking each request as if the script had
 * written it. The isolate may be another process (node) or none (in-process-runner.ts).
 */
import { LedgerError } from '@coco/base';
import { isolateError } from './errors.ts';
import { MapCursor } from './map-cursor.ts';
import { mapPermission } from './map-permission.ts';
import { packValue, unpackValue } from './packed-value.ts';
import type { ScriptAccess, ScriptContext, ScriptMap, ScriptValue } from './script.ts';
import type { MapRequest, ScriptAnswer, ScriptRequest } from './script-request.ts';

/** A page of 10,000 members' rows is a few messages; a page is copied three times on its way. */
const pageBytesMax = 256 * 1024;
/** Walks within walks; each holds what was changed under it. */
const cursorsMax = 16;

const nothing: ScriptAnswer = { kind: 'nothing' };

const contextWords: Readonly<Record<ScriptContext, string>> = {
  'governance-read': 'read-only governance',
  'governance-write': 'read-write governance',
  'app-read': 'read-only application',
  'app-write': 'application',
};
/** What requests are called in a script. */
const methodWords = {
  get: 'get',
  has: 'has',
  set: 'set',
  delete: 'delete',
  clear: 'clear',
  size: 'size',
  versionOf: 'getVersionOfPreviousWrite',
  open: 'forEach',
} as const;
const writes: ReadonlySet<string> = new Set(['set', 'delete', 'clear']);

export class ScriptServer {
  readonly #access: ScriptAccess;
  readonly #maps = new Map<string, ScriptMap>();
  readonly #cursors = new Map<number, MapCursor>();
  #cursorsOpened = 0;
  #hasActed = false;

  constructor(access: ScriptAccess) {
    this.#access = access;
  }

  /** Whether anything was written or called: then the run cannot be begun again. */
  get hasActed(): boolean {
    return this.#hasActed;
  }

  /** @throws what the access throws that is no refusal; InvalidScriptMessage */
  answer(request: ScriptRequest): ScriptAnswer | Promise<ScriptAnswer> {
    try {
      if (request.kind === 'call') {
        const answer = this.#call(request.path, unpackValue(request.args));
        return answer instanceof Promise ? answer.catch(refusalOf) : answer;
      }
      if (!('cursor' in request)) return this.#mapAnswer(request);
      if (request.kind === 'next') return this.#nextRows(request.cursor);
      this.#cursors.delete(request.cursor);
      return nothing;
    } catch (error) {
      return refusalOf(error);
    }
  }

  #call(path: string, args: ScriptValue): ScriptAnswer | Promise<ScriptAnswer> {
    const callee = this.#access.functions.get(path);
    if (callee === undefined || !Array.isArray(args)) {
      throw isolateError('InvalidScriptMessage', 'A script calls what it was not given.');
    }
    this.#hasActed = true;
    const result = callee(args);
    const answered = (value: ScriptValue): ScriptAnswer => ({
      kind: 'value',
      value: packValue([value]),
    });
    return result instanceof Promise ? result.then(answered) : answered(result);
  }

  #mapAnswer(request: MapRequest): ScriptAnswer {
    const permission = mapPermission(request.map, this.#access.context);
    const isWrite = writes.has(request.kind);
    if (permission !== 'read-write' && permission !== (isWrite ? 'write' : 'read')) {
      return this.#denied(request, permission);
    }
    const map = this.#map(request.map);
    switch (request.kind) {
      case 'get':
        return optional(map.get(request.key), (value) => ({ kind: 'bytes', value }));
      case 'has':
        return { kind: 'boolean', value: map.has(request.key) };
      case 'versionOf':
        return optional(map.versionOf(request.key), (value) => ({ kind: 'number', value }));
      case 'size':
        return { kind: 'number', value: map.size };
      case 'open':
        return this.#open(map);
      case 'set':
        this.#beforeChange(map, request.key);
        map.set(request.key, request.value);
        return nothing;
      case 'delete':
        this.#beforeChange(map, request.key);
        map.delete(request.key);
        return nothing;
      case 'clear': {
        for (const { key } of [...map.range()]) {
          this.#beforeChange(map, key);
          map.delete(key);
        }
        return nothing;
      }
    }
  }

  #denied(request: MapRequest, permission: string): ScriptAnswer {
    const kind = { read: 'read-only', write: 'write-only' }[permission] ?? 'inaccessible';
    const reason =
      `Cannot call .${methodWords[request.kind]}() on ${kind} table named ${request.map} ` +
      `in ${contextWords[this.#access.context]} execution context.`;
    return { kind: 'refused', isType: true, reason };
  }

  #map(name: string): ScriptMap {
    const known = this.#maps.get(name);
    if (known !== undefined) return known;
    const map = this.#access.map(name);
    this.#maps.set(name, map);
    return map;
  }

  #beforeChange(map: ScriptMap, key: Uint8Array): void {
    this.#hasActed = true;
    for (const cursor of this.#cursors.values()) if (cursor.map === map) cursor.noteChange(key);
  }

  #open(map: ScriptMap): ScriptAnswer {
    if (this.#cursors.size >= cursorsMax) {
      const reason = `At most ${cursorsMax} forEach run within each other.`;
      return { kind: 'refused', isType: false, reason };
    }
    const cursor = ++this.#cursorsOpened;
    this.#cursors.set(cursor, new MapCursor(map));
    return this.#nextRows(cursor);
  }

  #nextRows(cursor: number): ScriptAnswer {
    const walk = this.#cursors.get(cursor);
    if (walk === undefined) {
      throw isolateError('InvalidScriptMessage', 'A script walks on where it does not walk.');
    }
    const { rows, isLast } = walk.page(pageBytesMax);
    if (isLast) this.#cursors.delete(cursor);
    return { kind: 'rows', cursor: isLast ? 0 : cursor, rows };
  }
}

function optional<Value>(
  value: Value | undefined,
  answer: (value: Value) => ScriptAnswer,
): ScriptAnswer {
  return value === undefined ? nothing : answer(value);
}

/** Refusals go to the script; all else ends the run. */
function refusalOf(error: unknown): ScriptAnswer {
  if (error instanceof LedgerError && error.kind === 'refusal') {
    return { kind: 'refused', isType: false, reason: error.message };
  }
  throw error;
}
