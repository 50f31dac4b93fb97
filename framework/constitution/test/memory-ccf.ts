/** The `ccf` global in memory: maps, converters, and functions of the node that note their calls. */
import { createHash } from 'node:crypto';
import type { CcfGlobal, CcfMap } from '../src/ccf-global.ts';

const toBuffer = (text: string): ArrayBuffer => new TextEncoder().encode(text).slice().buffer;
const toText = (bytes: ArrayBuffer): string => new TextDecoder().decode(bytes);
const hexOf = (bytes: ArrayBuffer): string => Buffer.from(bytes).toString('hex');
const bufferOf = (hex: string): ArrayBuffer => new Uint8Array(Buffer.from(hex, 'hex')).buffer;

function checkBuffer(value: ArrayBuffer): ArrayBuffer {
  if (value instanceof ArrayBuffer) return value;
  throw new TypeError('Argument must be an ArrayBuffer');
}

const singleton = '0000000000000000';

export function certificate(name: string): string {
  return `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`;
}

export function idOf(pem: string): string {
  return createHash('sha256').update(pem).digest('hex');
}

type Table = Map<string, ArrayBuffer>;

export class MemoryCcf {
  /** Table name to rows: hex of the key to the value. */
  readonly tables: Map<string, Table> = new Map();
  /** What the program called of the node, with its arguments. */
  readonly calls: [name: string, ...args: unknown[]][] = [];
  /** Tables whose use throws, as Coco's own do on CCF. */
  readonly forbidden: Set<string> = new Set();
  isWritable = true;
  readonly global: CcfGlobal;

  constructor(changes: Partial<CcfGlobal> = {}) {
    this.global = { ...this.#converters(), ...this.#node(), ...changes };
    (globalThis as { ccf?: CcfGlobal }).ccf = this.global;
  }

  /** The rows of a table as JSON by text key ('' for the one row). */
  json(table: string): Record<string, unknown> {
    return this.#rows(table, (bytes) => JSON.parse(toText(bytes)));
  }

  text(table: string): Record<string, unknown> {
    return this.#rows(table, toText);
  }

  #rows(table: string, read: (bytes: ArrayBuffer) => unknown): Record<string, unknown> {
    const entries = [...(this.tables.get(table) ?? [])].map(([key, value]) => [
      key === singleton ? '' : toText(bufferOf(key)),
      read(value),
    ]);
    return Object.fromEntries(entries);
  }

  putJson(table: string, value: unknown, key?: string): void {
    const name = key === undefined ? singleton : hexOf(toBuffer(key));
    this.#table(table).set(name, toBuffer(JSON.stringify(value)));
  }

  putText(table: string, key: string, text: string): void {
    this.#table(table).set(hexOf(toBuffer(key)), toBuffer(text));
  }

  #table(name: string): Table {
    const table = this.tables.get(name) ?? new Map();
    this.tables.set(name, table);
    return table;
  }

  #map(name: string): CcfMap {
    const use = (): Table => {
      if (this.forbidden.has(name)) throw new TypeError(`Cannot access ${name}`);
      return this.#table(name);
    };
    const write = (): Table => {
      if (!this.isWritable) throw new TypeError(`Cannot write ${name}`);
      return use();
    };
    const nameOf = (key: ArrayBuffer): string => hexOf(checkBuffer(key));
    return {
      get: (key) => use().get(nameOf(key)),
      has: (key) => use().has(nameOf(key)),
      set: (key, value) => write().set(nameOf(key), checkBuffer(value)),
      delete: (key) => write().delete(nameOf(key)),
      clear: () => write().clear(),
      get size() {
        return use().size;
      },
      forEach: (visit) => {
        const rows = [...use()].sort(([left], [right]) => (left < right ? -1 : 1));
        for (const [key, value] of rows) visit(value, bufferOf(key));
      },
    };
  }

  #converters(): Pick<
    CcfGlobal,
    'kv' | 'strToBuf' | 'bufToStr' | 'jsonCompatibleToBuf' | 'bufToJsonCompatible' | 'pemToId'
  > {
    return {
      kv: new Proxy({}, { get: (_target, name) => this.#map(String(name)) }),
      strToBuf: toBuffer,
      bufToStr: toText,
      jsonCompatibleToBuf: (value) => toBuffer(JSON.stringify(value)),
      bufToJsonCompatible: (bytes) => JSON.parse(toText(bytes)),
      pemToId: idOf,
    };
  }

  #node(): Omit<
    CcfGlobal,
    'kv' | 'strToBuf' | 'bufToStr' | 'jsonCompatibleToBuf' | 'bufToJsonCompatible' | 'pemToId'
  > {
    const note =
      <Result>(name: string, result: Result) =>
      (...args: unknown[]): Result => {
        this.calls.push([name, ...args]);
        return result;
      };
    return {
      tcbHexToPolicy: note('tcbHexToPolicy', { hexstring: 'policy' }),
      refreshAppBytecodeCache: note('refreshAppBytecodeCache', undefined),
      setJwtPublicSigningKeys: note('setJwtPublicSigningKeys', undefined),
      removeJwtPublicSigningKeys: note('removeJwtPublicSigningKeys', undefined),
      crypto: {
        digest: (_algorithm, bytes) =>
          new Uint8Array(createHash('sha256').update(new Uint8Array(bytes)).digest()).buffer,
        isValidX509CertBundle: (pem) =>
          typeof pem === 'string' && pem.startsWith('-----BEGIN CERTIFICATE-----'),
        isValidX509RootCACert: (pem) => !pem.includes('intermediate'),
        pubRsaPemToJwk: (pem) => {
          if (!pem.startsWith('-----BEGIN PUBLIC KEY-----')) throw new TypeError('no key');
          return {};
        },
      },
      gov: {
        validateConstitution: (text) => {
          if (!text.includes('export')) throw new TypeError('Function not found');
          return true;
        },
      },
      node: {
        triggerRecoverySharesRefresh: note('triggerRecoverySharesRefresh', undefined),
        triggerLedgerRekey: note('triggerLedgerRekey', true),
        transitionServiceToOpen: (previous, next, ...point) => {
          const text = previous === undefined ? undefined : toText(previous);
          this.calls.push(['transitionServiceToOpen', text, toText(next), ...point]);
        },
        triggerLedgerChunk: note('triggerLedgerChunk', undefined),
        triggerSnapshot: note('triggerSnapshot', undefined),
      },
      network: {
        getLatestLedgerSecretSeqno: () => 7,
        generateEndorsedCertificate: (request, from, days) => `${request} from ${from} for ${days}`,
        generateNetworkCertificate: (from, days) => `service from ${from} for ${days}`,
      },
    };
  }
}
