/** What the actions on the JavaScript app change. */
import { type JsonObject, objectOf } from './governance-service.ts';
import type { GovernanceState, TableName } from './governance-state.ts';
import type { Planner } from './planner.ts';

const tables: readonly TableName[] = ['app endpoint', 'app module'];

function clear(state: GovernanceState): void {
  for (const table of tables) {
    for (const key of [...state.rows(table).keys()]) state.put(table, key, undefined);
  }
}

function setApp(state: GovernanceState, args: JsonObject): readonly string[] {
  const { modules, metadata } = objectOf(args.bundle);
  clear(state);
  for (const module of Array.isArray(modules) ? modules : []) {
    const { name, module: text } = objectOf(module);
    state.put('app module', `/${String(name)}`, text ?? null);
  }
  for (const [path, methods] of Object.entries(objectOf(objectOf(metadata).endpoints))) {
    for (const [method, properties] of Object.entries(objectOf(methods))) {
      const { js_module: module, ...rest } = objectOf(properties);
      const endpoint = { ...rest, js_module: `/${String(module)}` };
      state.put('app endpoint', `${method.toUpperCase()} ${path}`, endpoint);
    }
  }
  return [];
}

function removeApp(state: GovernanceState): readonly string[] {
  clear(state);
  return ['The app no longer answers.'];
}

export const appPlanners: Readonly<Record<string, Planner>> = {
  set_js_app: { tables, plan: setApp },
  remove_js_app: { tables, plan: removeApp },
  set_js_runtime_options: {
    tables: [],
    plan: (_state, args) =>
      Object.entries(args).map(
        ([name, value]) => `Of scripts, ${name} is ${JSON.stringify(value)}.`,
      ),
  },
  refresh_js_app_bytecode_cache: {
    tables: [],
    plan: () => ['The app’s modules are compiled again.'],
  },
};
