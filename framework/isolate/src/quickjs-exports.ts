/**
 * What we call of quickjs-wasi's module (QuickJS-NG compiled for WASI): its C interface, as version
 * 3.6.2 exports it. Values are boxes: addresses in the linear memory, owned by whoever got them and
 * released with `qjs_free_value`. The digest in script-engine.ts pins what stands behind the names.
 */
import { assert } from '@coco/base';

/** The address of a boxed value in the linear memory. */
export type Box = number;

export interface QuickjsExports {
  readonly memory: WebAssembly.Memory;
  readonly __stack_pointer: { value: number };
  _initialize(): void;
  qjs_init2(intrinsics: number): number;
  qjs_get_runtime_ptr(): number;
  qjs_get_context_ptr(): number;
  qjs_set_runtime_and_context(runtime: number, context: number): void;
  qjs_set_memory_limit(bytes: number): void;
  qjs_set_max_stack_size(bytes: number): void;
  qjs_set_interrupt_handler(isOn: number): void;
  wasm_malloc(bytes: number): number;
  wasm_free(at: number): void;
  qjs_eval(code: number, length: number, name: number, flags: number): Box;
  qjs_compile(
    code: number,
    length: number,
    name: number,
    flags: number,
    writeFlags: number,
    lengthAt: number,
  ): number;
  qjs_eval_bytecode(at: number, length: number): Box;
  qjs_call(callee: Box, self: Box, count: number, args: number): Box;
  qjs_new_host_function(name: number, length: number, argCount: number): Box;
  qjs_get_undefined(): Box;
  qjs_get_true(): Box;
  qjs_get_false(): Box;
  qjs_new_number(value: number): Box;
  qjs_new_string(at: number, length: number): Box;
  qjs_new_array_buffer(at: number, length: number): Box;
  qjs_get_prop_string(object: Box, name: number): Box;
  qjs_get_string_len(value: Box, lengthAt: number): number;
  qjs_free_cstring(at: number): void;
  qjs_get_array_buffer(value: Box, lengthAt: number): number;
  qjs_get_float64(value: Box): number;
  qjs_is_exception(value: Box): number;
  qjs_is_function(value: Box): number;
  qjs_is_string(value: Box): number;
  qjs_is_array_buffer(value: Box): number;
  qjs_is_promise(value: Box): number;
  qjs_promise_state(promise: Box): number;
  qjs_promise_result(promise: Box): Box;
  qjs_is_job_pending(): number;
  qjs_execute_pending_job(): number;
  qjs_get_exception(): Box;
  qjs_free_value(value: Box): void;
}

const names: readonly (keyof QuickjsExports)[] = [
  'memory',
  '__stack_pointer',
  '_initialize',
  'qjs_init2',
  'qjs_get_runtime_ptr',
  'qjs_get_context_ptr',
  'qjs_set_runtime_and_context',
  'qjs_set_memory_limit',
  'qjs_set_max_stack_size',
  'qjs_set_interrupt_handler',
  'wasm_malloc',
  'wasm_free',
  'qjs_eval',
  'qjs_compile',
  'qjs_eval_bytecode',
  'qjs_call',
  'qjs_new_host_function',
  'qjs_get_undefined',
  'qjs_get_true',
  'qjs_get_false',
  'qjs_new_number',
  'qjs_new_string',
  'qjs_new_array_buffer',
  'qjs_get_prop_string',
  'qjs_get_string_len',
  'qjs_free_cstring',
  'qjs_get_array_buffer',
  'qjs_get_float64',
  'qjs_is_exception',
  'qjs_is_function',
  'qjs_is_string',
  'qjs_is_array_buffer',
  'qjs_is_promise',
  'qjs_promise_state',
  'qjs_promise_result',
  'qjs_is_job_pending',
  'qjs_execute_pending_job',
  'qjs_get_exception',
  'qjs_free_value',
];

export function quickjsExports(instance: WebAssembly.Instance): QuickjsExports {
  for (const name of names) assert(name in instance.exports, `the engine exports ${name}`);
  return instance.exports as unknown as QuickjsExports;
}
