/**
 * The state of governance by tables, as the service tells it: what a proposal is compared with. A
 * plan works on a copy of it, action by action, as the constitution would on the ledger's tables.
 */
import { isJsonObject, type JsonValue } from '@coco/base';
import { type GovernanceService, type JsonObject, objectOf } from './governance-service.ts';

/** Tables in the words of people; each key is unique in its table. */
export type TableName =
  | 'member'
  | 'user'
  | 'node'
  | 'service'
  | 'constitution'
  | 'rules'
  | 'standing permission'
  | 'adapter'
  | 'virtual measurement'
  | 'virtual host data'
  | 'SEV-SNP measurement'
  | 'SEV-SNP host data'
  | 'SEV-SNP UVM endorsement'
  | 'SEV-SNP minimum TCB version'
  | 'JWT issuer'
  | 'CA certificate bundle'
  | 'app endpoint'
  | 'app module';

export type Rows = Map<string, JsonValue>;

/** The key of the row in a table that has one. */
export const onlyRow = '';

/** Tables that were read; a table that the service does not tell is not in it. */
export class GovernanceState {
  readonly #tables: Map<TableName, Rows>;

  constructor(tables: Iterable<readonly [TableName, Rows]> = []) {
    this.#tables = new Map(tables);
  }

  /** The rows of a table; empty where it was not read. */
  rows(table: TableName): ReadonlyMap<string, JsonValue> {
    return this.#tables.get(table) ?? new Map();
  }

  isKnown(table: TableName): boolean {
    return this.#tables.has(table);
  }

  row(table: TableName, key: string = onlyRow): JsonValue | undefined {
    return this.#tables.get(table)?.get(key);
  }

  /** Undefined removes the row. */
  put(table: TableName, key: string, value: JsonValue | undefined): void {
    const rows = this.#tables.get(table) ?? new Map<string, JsonValue>();
    this.#tables.set(table, rows);
    if (value === undefined) rows.delete(key);
    else rows.set(key, value);
  }

  copy(): GovernanceState {
    return new GovernanceState([...this.#tables].map(([name, rows]) => [name, new Map(rows)]));
  }

  tables(): Iterable<readonly [TableName, ReadonlyMap<string, JsonValue>]> {
    return this.#tables;
  }
}

/** Modules of an app that are read to compare; each is one request. */
const modulesMax = 200;

type Read = (governance: GovernanceService) => Promise<readonly (readonly [TableName, Rows])[]>;

/** One reader for the tables that come with one answer. */
const readers: readonly { readonly tables: readonly TableName[]; readonly read: Read }[] = [
  { tables: ['member'], read: (service) => readList(service, 'member', 'members', 'memberId') },
  { tables: ['user'], read: readUsers },
  { tables: ['node'], read: (service) => readList(service, 'node', 'nodes', 'nodeId') },
  { tables: ['service'], read: readService },
  { tables: ['constitution'], read: readConstitution },
  { tables: ['rules', 'standing permission', 'adapter'], read: readRules },
  {
    tables: [
      'virtual measurement',
      'virtual host data',
      'SEV-SNP measurement',
      'SEV-SNP host data',
      'SEV-SNP UVM endorsement',
      'SEV-SNP minimum TCB version',
    ],
    read: readJoinPolicy,
  },
  { tables: ['JWT issuer', 'CA certificate bundle'], read: readIssuers },
  { tables: ['app endpoint', 'app module'], read: readApp },
];

/** Reads the tables named, and no others: lists may be long. */
export async function readGovernanceState(
  governance: GovernanceService,
  tables: Iterable<TableName>,
): Promise<GovernanceState> {
  const wanted = new Set(tables);
  const chosen = readers.filter((reader) => reader.tables.some((table) => wanted.has(table)));
  const found = await Promise.all(chosen.map(({ read }) => read(governance)));
  return new GovernanceState(found.flat().filter(([table]) => wanted.has(table)));
}

async function readList(
  governance: GovernanceService,
  table: TableName,
  place: string,
  idField: string,
): Promise<readonly (readonly [TableName, Rows])[]> {
  const rows = await governance.list(`/gov/service/${place}`);
  return [[table, new Map(rows.map((row) => [String(row[idField]), withoutId(row, idField)]))]];
}

/** The service tells the row of a user's data as it stands: `{"user_data": …}`. */
async function readUsers(governance: GovernanceService) {
  const [[table, rows] = ['user', new Map()] as const] = await readList(
    governance,
    'user',
    'users',
    'userId',
  );
  const users = [...rows].map(([id, value]) => {
    const row = objectOf(value);
    return [id, { ...row, userData: objectOf(row.userData).user_data ?? null }] as const;
  });
  return [[table, new Map<string, JsonValue>(users)]] as const;
}

function withoutId(row: JsonObject, idField: string): JsonObject {
  return Object.fromEntries(Object.entries(row).filter(([name]) => name !== idField));
}

async function readService(governance: GovernanceService) {
  const { status, certificate, configuration } = await governance.info();
  return [['service', new Map([[onlyRow, { status, certificate, configuration }]])]] as const;
}

async function readConstitution(governance: GovernanceService) {
  const text = (await governance.readText('/gov/service/constitution')) ?? '';
  return [['constitution', new Map([[onlyRow, text]])]] as const;
}

async function readRules(governance: GovernanceService) {
  const found = await governance.readIfThere('/gov/service/rules');
  if (found === undefined) return [];
  const { rules, standingPermissions, adapters } = objectOf(found);
  return [
    ['rules', new Map(isJsonObject(rules) ? [[onlyRow, rules]] : [])],
    ['standing permission', rowsOf(standingPermissions)],
    ['adapter', rowsOf(adapters)],
  ] as const;
}

async function readJoinPolicy(governance: GovernanceService) {
  const { virtual, snp } = objectOf(await governance.read('/gov/service/join-policy'));
  const sandboxed = objectOf(virtual);
  const hardware = objectOf(snp);
  return [
    ['virtual measurement', keysOf(sandboxed.measurements)],
    ['virtual host data', keysOf(sandboxed.hostData)],
    ['SEV-SNP measurement', keysOf(hardware.measurements)],
    ['SEV-SNP host data', rowsOf(hardware.hostData)],
    ['SEV-SNP UVM endorsement', rowsOf(hardware.uvmEndorsements)],
    ['SEV-SNP minimum TCB version', rowsOf(hardware.tcbVersions)],
  ] as const;
}

async function readIssuers(governance: GovernanceService) {
  const found = await governance.readIfThere('/gov/service/jwk');
  if (found === undefined) return [];
  const { issuers, caCertBundles } = objectOf(found);
  return [
    ['JWT issuer', rowsOf(issuers)],
    ['CA certificate bundle', rowsOf(caCertBundles)],
  ] as const;
}

async function readApp(governance: GovernanceService) {
  const app = await governance.readIfThere('/gov/service/javascript-app?case=original');
  if (app === undefined) return [];
  const endpoints = Object.entries(objectOf(objectOf(app).endpoints)).flatMap(([path, methods]) =>
    Object.entries(objectOf(methods)).map(
      ([method, properties]) => [`${method.toUpperCase()} ${path}`, properties] as const,
    ),
  );
  const modules: Rows = new Map();
  const listed = await governance.list('/gov/service/javascript-modules');
  for (const { moduleName } of listed.slice(0, modulesMax)) {
    const name = String(moduleName);
    const place = `/gov/service/javascript-modules/${encodeURIComponent(name)}`;
    modules.set(name, (await governance.readText(place)) ?? '');
  }
  return [
    ['app endpoint', new Map(endpoints)],
    ['app module', modules],
  ] as const;
}

function rowsOf(value: JsonValue | undefined): Rows {
  return new Map(Object.entries(objectOf(value)));
}

/** A table of which only the keys are told. */
function keysOf(value: JsonValue | undefined): Rows {
  return new Map(Array.isArray(value) ? value.map((key) => [String(key), 'AllowedToJoin']) : []);
}
