/**
 * CCF's tables of the application that governance shows or runs by; the constitution's actions
 * write them. docs/formats/governance-tables.md lists them.
 */
import type { JsonValue } from '@coco/base';
import { json, jsonRow, rawText, Singleton, Table } from './table.ts';

const governance = 'public:ccf.gov';

/** `/path` to the source of a module. */
export const modules: Table<string> = new Table(`${governance}.modules`, rawText);

/** `VERB /path/{x}` to the properties of an endpoint. */
export const appEndpoints: Table<JsonValue> = new Table(`${governance}.endpoints`, json);

export interface RuntimeOptionsRow {
  readonly max_heap_bytes?: number | undefined;
  readonly max_stack_bytes?: number | undefined;
  readonly max_execution_time_ms?: number | undefined;
}

export const runtimeOptions: Singleton<RuntimeOptionsRow> = new Singleton(
  `${governance}.js_runtime_options`,
  jsonRow((row) => ({
    max_heap_bytes: row.optionalCount('max_heap_bytes'),
    max_stack_bytes: row.optionalCount('max_stack_bytes'),
    max_execution_time_ms: row.optionalCount('max_execution_time_ms'),
  })),
);
