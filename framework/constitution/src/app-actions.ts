/** Actions on the JavaScript app and its runtime. */
import { type Action, defineAction } from './action.ts';
import type { appActionNames } from './action-names.ts';
import type { CcfGlobal } from './ccf-global.ts';
import {
  checkArguments,
  checkBoolean,
  checkInteger,
  checkList,
  checkObject,
  checkOneOf,
  checkText,
  type Fields,
  ignoreArguments,
  optional,
} from './check-arguments.ts';
import { refuse } from './refuse.ts';
import { clearTable, writeJson, writeText } from './rows.ts';
import {
  endpointTable,
  interpreterFlushTable,
  moduleBytecodeTable,
  moduleBytecodeVersionTable,
  moduleTable,
  runtimeOptionsTable,
} from './tables.ts';

declare const ccf: CcfGlobal;

const modes = ['readwrite', 'readonly', 'historical'];
const forwardings = ['sometimes', 'always', 'never'];
const redirections = ['none', 'to_primary', 'to_backup'];

interface Module {
  readonly name: string;
  readonly text: string;
}

interface AppEndpoint {
  readonly method: string;
  readonly url: string;
  readonly properties: Fields;
}

interface NewApp {
  readonly modules: readonly Module[];
  readonly endpoints: readonly AppEndpoint[];
  readonly isBytecodeCacheDisabled: boolean;
}

function parseModules(value: unknown): readonly Module[] {
  const field = 'bundle.modules';
  return checkList(value, field).map((item, place) => {
    const fields = checkObject(item, `${field}[${place}]`);
    const text = (name: string): string => checkText(fields[name], `${field}[${place}].${name}`);
    return { name: text('name'), text: text('module') };
  });
}

/** A policy that names nothing known is refused where requests are authenticated, not here. */
function checkPolicies(value: unknown, field: string): void {
  checkList(value, field).forEach((policy, place) => {
    if (typeof policy === 'string') return;
    const name = `${field}[${place}]`;
    if (typeof policy !== 'object' || policy === null) {
      refuse(`${name} must be of type string or object but is ${typeof policy}`);
    }
    const parts = checkList((policy as Fields).all_of, `${name}.all_of`);
    parts.forEach((part, at) => {
      checkText(part, `${name}.all_of[${at}]`);
    });
  });
}

function checkEndpoint(value: unknown, field: string, modules: readonly Module[]): Fields {
  const properties = checkObject(value, field);
  const module = checkText(properties.js_module, `${field}.js_module`);
  checkText(properties.js_function, `${field}.js_function`);
  checkOneOf(properties.mode, modes, `${field}.mode`);
  checkOneOf(properties.forwarding_required, forwardings, `${field}.forwarding_required`);
  if (properties.redirection_strategy !== undefined) {
    const name = `${field}.redirection_strategy`;
    checkOneOf(properties.redirection_strategy, redirections, name);
  }
  optional(properties.openapi, `${field}.openapi`, checkObject);
  optional(properties.openapi_hidden, `${field}.openapi_hidden`, checkBoolean);
  checkPolicies(properties.authn_policies, `${field}.authn_policies`);
  if (!modules.some(({ name }) => name === module)) {
    refuse(`module '${module}' not found in bundle`);
  }
  return { ...properties, js_module: `/${module}` };
}

function parseEndpoints(value: unknown, modules: readonly Module[]): readonly AppEndpoint[] {
  const field = 'bundle.metadata.endpoints';
  return Object.entries(checkObject(value, field)).flatMap(([url, methods]) => {
    const name = `${field}["${url}"]`;
    return Object.entries(checkObject(methods, name)).map(([method, properties]) => ({
      method: method.toUpperCase(),
      url,
      properties: checkEndpoint(properties, `${name}["${method}"]`, modules),
    }));
  });
}

function parseNewApp(args: unknown): NewApp {
  const fields = checkArguments(args);
  const bundle = checkObject(fields.bundle, 'bundle');
  const modules = parseModules(bundle.modules);
  const metadata = checkObject(bundle.metadata, 'bundle.metadata');
  const flag = 'disable_bytecode_cache';
  return {
    modules,
    endpoints: parseEndpoints(metadata.endpoints, modules),
    isBytecodeCacheDisabled: optional(fields[flag], flag, checkBoolean) ?? false,
  };
}

const setJsApp = defineAction(parseNewApp, ({ modules, endpoints, isBytecodeCacheDisabled }) => {
  clearTable(moduleTable);
  clearTable(endpointTable);
  for (const { name, text } of modules) writeText(moduleTable, `/${name}`, text);
  if (isBytecodeCacheDisabled) {
    clearTable(moduleBytecodeTable);
    clearTable(moduleBytecodeVersionTable);
  } else {
    ccf.refreshAppBytecodeCache();
  }
  writeJson(interpreterFlushTable, true);
  for (const { method, url, properties } of endpoints) {
    writeJson(endpointTable, properties, `${method} ${url}`);
  }
});

const removeJsApp = defineAction(ignoreArguments, () => {
  const tables = [
    moduleTable,
    moduleBytecodeTable,
    moduleBytecodeVersionTable,
    interpreterFlushTable,
    endpointTable,
  ];
  for (const table of tables) clearTable(table);
});

const setJsRuntimeOptions = defineAction(
  (args) => {
    const fields = checkArguments(args);
    const integers = ['max_heap_bytes', 'max_stack_bytes', 'max_execution_time_ms'];
    for (const name of integers) checkInteger(fields[name], name);
    for (const name of ['log_exception_details', 'return_exception_details']) {
      optional(fields[name], name, checkBoolean);
    }
    const name = 'max_cached_interpreters';
    optional(fields[name], name, checkInteger);
    return fields;
  },
  (options) => writeJson(runtimeOptionsTable, options),
);

export const appActions: Readonly<Record<(typeof appActionNames)[number], Action>> = {
  set_js_app: setJsApp,
  remove_js_app: removeJsApp,
  set_js_runtime_options: setJsRuntimeOptions,
  refresh_js_app_bytecode_cache: defineAction(ignoreArguments, () => ccf.refreshAppBytecodeCache()),
};
