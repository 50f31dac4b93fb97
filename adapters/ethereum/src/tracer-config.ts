/** Which tracer a debug_ call wants, and how, as geth's clients say it. */
import { isJsonObject, type JsonValue } from '@coco/base';
import { invalid } from './rpc-parameters.ts';
import type { StepWish, TraceWish } from './trace-types.ts';

export interface CallTracerConfig {
  readonly onlyTopCall: boolean;
  readonly withLog: boolean;
}

export interface PrestateConfig {
  readonly diffMode: boolean;
  readonly disableCode: boolean;
  readonly disableStorage: boolean;
  readonly includeEmpty: boolean;
}

export type Tracer =
  | ({ readonly kind: 'call' } & CallTracerConfig)
  | ({ readonly kind: 'prestate' } & PrestateConfig)
  | { readonly kind: 'selectors' }
  | { readonly kind: 'noop' }
  | ({ readonly kind: 'steps' } & StepWish);

type JsonObject = { readonly [key: string]: JsonValue };

const stepsMax = 2 ** 32 - 1;

/** @throws JsonRpcInvalidParameters */
export function parseTracer(value: JsonValue | undefined): Tracer {
  if (value === undefined) return structLogger({});
  if (!isJsonObject(value)) throw invalid('invalid trace config: not an object');
  const config = value.tracerConfig ?? {};
  if (!isJsonObject(config)) throw invalid('invalid tracerConfig: not an object');
  const flag = (name: string): boolean => flagOf(config, name);
  switch (value.tracer ?? undefined) {
    case undefined:
    case '':
      return structLogger(value);
    case 'callTracer':
      return { kind: 'call', onlyTopCall: flag('onlyTopCall'), withLog: flag('withLog') };
    case 'prestateTracer':
      return {
        kind: 'prestate',
        diffMode: flag('diffMode'),
        disableCode: flag('disableCode'),
        disableStorage: flag('disableStorage'),
        includeEmpty: flag('includeEmpty'),
      };
    case '4byteTracer':
      return { kind: 'selectors' };
    case 'noopTracer':
      return { kind: 'noop' };
    default:
      throw invalid(
        'tracer is not served: use callTracer, prestateTracer, 4byteTracer, noopTracer or, without a name, the struct logger; JavaScript of callers does not run on a node',
      );
  }
}

function structLogger(value: JsonObject): Tracer {
  const { limit } = value;
  const isCount = limit === undefined || limit === null || Number.isSafeInteger(limit);
  if (!isCount || Number(limit ?? 0) < 0) throw invalid('invalid trace config: limit');
  return {
    kind: 'steps',
    stack: !flagOf(value, 'disableStack'),
    memory: flagOf(value, 'enableMemory'),
    storage: !flagOf(value, 'disableStorage'),
    returnData: flagOf(value, 'enableReturnData'),
    countMax: Math.min(Number(limit ?? 0) || stepsMax, stepsMax),
  };
}

function flagOf(config: JsonObject, name: string): boolean {
  const value = config[name] ?? false;
  if (typeof value !== 'boolean') throw invalid(`invalid trace config: ${name} is not a boolean`);
  return value;
}

/** What the engine must record for a tracer. */
export function wishOf(tracer: Tracer, bytesMax: number): TraceWish {
  return {
    frames: tracer.kind === 'call' || tracer.kind === 'selectors',
    steps: tracer.kind === 'steps' ? tracer : undefined,
    accounts: tracer.kind === 'prestate',
    bytesMax,
  };
}
