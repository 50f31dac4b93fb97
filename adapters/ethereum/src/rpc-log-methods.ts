/**
 * Logs and filters. A query walks the block records of its range, reads only their blooms, and
 * decodes the transactions of blocks that may match. Filters live in memory: they remember where
 * their caller has read to. Only committed blocks count, so no log is ever taken back.
 */
import { type JsonValue, toHex } from '@coco/base';
import type { Caller } from '@coco/endpoint';
import { ethereumError } from './errors.ts';
import type { EthereumState, NumberedBlock } from './ethereum-state.ts';
import type { RpcAnswer } from './json-rpc.ts';
import { type LogFilter, type LogQuery, parseLogQuery } from './log-filter.ts';
import { toData } from './numbers.ts';
import { assertVisible, locateInBlock, type MethodTable, type RpcContext } from './rpc-context.ts';
import { logJson, transactionJson } from './rpc-format.ts';
import type { BlockTag } from './rpc-parameters.ts';
import { invalid, type RpcParameters } from './rpc-parameters.ts';
import { decodeBlock, peekBlockBloom } from './state-codec.ts';

interface InstalledFilter {
  readonly kind: 'logs' | 'blocks' | 'transactions';
  readonly query: LogQuery | undefined;
  /** Of transactions: whole ones instead of hashes. */
  readonly isFull: boolean;
  /** The first block that the caller has not been told of. */
  nextBlock: bigint;
  lastAskedMs: number;
}

const filterIdBytes = 16;
/** After so long others get a turn on the thread. */
const turnMsMax = 10;

export function logMethods(context: RpcContext): MethodTable {
  const filters = new Filters(context);
  return [
    [
      'eth_getLogs',
      {
        arity: [1, 1],
        handle: (parameters, caller) => {
          const keccak256 = (bytes: Uint8Array): Uint8Array => context.engine.keccak256(bytes);
          return queryLogs(context, caller, parseLogQuery(parameters.at(0), keccak256));
        },
      },
    ],
    ['eth_newFilter', { arity: [1, 1], handle: (parameters) => filters.installLogs(parameters) }],
    ['eth_newBlockFilter', { arity: [0, 0], handle: () => filters.install({ kind: 'blocks' }) }],
    [
      'eth_newPendingTransactionFilter',
      {
        arity: [0, 1],
        handle: (parameters) =>
          filters.install({ kind: 'transactions', isFull: parameters.boolean(0) }),
      },
    ],
    [
      'eth_getFilterChanges',
      { arity: [1, 1], handle: (parameters, caller) => filters.changes(parameters, caller) },
    ],
    [
      'eth_getFilterLogs',
      { arity: [1, 1], handle: (parameters, caller) => filters.logs(parameters, caller) },
    ],
    ['eth_uninstallFilter', { arity: [1, 1], handle: (parameters) => filters.remove(parameters) }],
  ];
}

/** @throws HeaderNotFound, InvalidBlockRange, LogQueryTooLarge, TooManyCalls */
async function queryLogs(
  context: RpcContext,
  caller: Caller,
  query: LogQuery,
): Promise<JsonValue[]> {
  const state = context.reader.committed();
  if (query.blockHash) {
    const number = state.blockNumberOf(query.blockHash);
    if (number === undefined) throw ethereumError('HeaderNotFound', 'unknown block');
    return logsInRange(context, caller, { from: number, to: number, filter: query.filter });
  }
  const head = state.headNumber();
  const from = boundOf(query.from, head);
  const to = boundOf(query.to, head);
  if (from > to) throw ethereumError('InvalidBlockRange', 'invalid block range params');
  return logsInRange(context, caller, {
    from,
    to: to < head ? to : head,
    filter: query.filter,
  });
}

function boundOf(tag: BlockTag, head: bigint): bigint {
  if (tag.kind === 'pending') throw invalid('pending logs are not supported');
  if (tag.kind === 'hash') throw invalid('invalid block tag');
  return tag.kind === 'number' ? tag.number : head;
}

interface LogRange {
  readonly from: bigint;
  readonly to: bigint;
  readonly filter: LogFilter;
}

/** In the caller's turn, and in steps, so that no query holds up a commit. */
async function logsInRange(
  context: RpcContext,
  caller: Caller,
  range: LogRange,
): Promise<JsonValue[]> {
  const { logBlocksMax, logQueryMsMax } = context.settings.limits;
  if (range.to - range.from + 1n > logBlocksMax) {
    throw ethereumError('LogQueryTooLarge', `exceed maximum block range: ${logBlocksMax}`);
  }
  return context.queries.run(caller, async () => {
    const { clock } = context.host;
    const deadlineMs = clock.monotonicMs() + logQueryMsMax;
    const found: JsonValue[] = [];
    let from: bigint | undefined = range.from;
    for (;;) {
      from = searchOneTurn(context, caller, { ...range, from }, found);
      if (from === undefined) return found;
      if (clock.monotonicMs() > deadlineMs) {
        throw ethereumError(
          'LogQueryTooLarge',
          `query took longer than ${logQueryMsMax} ms: ask for fewer blocks or rarer logs`,
        );
      }
      await new Promise<void>((resolve) => clock.setTimer(0, resolve));
    }
  });
}

/** Where the next turn begins; undefined when the range is searched. Blocks never change. */
function searchOneTurn(
  context: RpcContext,
  caller: Caller,
  range: LogRange,
  found: JsonValue[],
): bigint | undefined {
  const { host, reader, settings } = context;
  const { logsMax } = settings.limits;
  const { from, to, filter } = range;
  const state = reader.committed();
  const turnEndsMs = host.clock.monotonicMs() + turnMsMax;
  for (const { number, bytes } of state.blockRows(from, to)) {
    const bloom = peekBlockBloom(bytes);
    if (bloom && filter.mayMatch(bloom)) {
      const block: NumberedBlock = { number, ...decodeBlock(bytes) };
      for (const hash of block.transactionHashes) {
        found.push(...logsOf(context, caller, { state, block, hash, filter }));
        if (found.length > logsMax) {
          throw ethereumError('LogQueryTooLarge', `query returned more than ${logsMax} results`);
        }
      }
    }
    if (number < to && host.clock.monotonicMs() > turnEndsMs) return number + 1n;
  }
  return undefined;
}

/** The logs of one transaction that a filter wants and the caller may see. */
export function logsOf(
  context: RpcContext,
  caller: Caller,
  place: {
    readonly state: EthereumState;
    readonly block: NumberedBlock;
    readonly hash: Uint8Array;
    readonly filter: LogFilter;
  },
): JsonValue[] {
  const { state, block, hash, filter } = place;
  const record = state.transaction(hash);
  if (!record) return [];
  const found: JsonValue[] = [];
  record.logs.forEach((log, at) => {
    if (!filter.matches(log)) return;
    const parties = [toHex(log.address), toHex(record.sender)];
    if (context.visible(caller, { kind: 'log', parties })) {
      found.push(logJson({ hash, record, block }, at));
    }
  });
  return found;
}

class Filters {
  readonly #context: RpcContext;
  readonly #filters = new Map<string, InstalledFilter>();

  constructor(context: RpcContext) {
    this.#context = context;
  }

  installLogs(parameters: RpcParameters): string {
    const { engine } = this.#context;
    const query = parseLogQuery(parameters.at(0), (bytes) => engine.keccak256(bytes));
    return this.install({ kind: 'logs', query });
  }

  /** @throws TooManyFilters */
  install(wish: {
    readonly kind: InstalledFilter['kind'];
    readonly query?: LogQuery;
    readonly isFull?: boolean;
  }): string {
    const { kind, query, isFull = false } = wish;
    const { host, reader, settings } = this.#context;
    const nowMs = host.clock.monotonicMs();
    this.#expire(nowMs);
    if (this.#filters.size >= settings.limits.filtersMax) {
      throw ethereumError('TooManyFilters', 'too many filters');
    }
    // Unguessable: whoever knows an id reads and moves the filter.
    const id = toData(host.random.bytes(filterIdBytes));
    const nextBlock = reader.committed().headNumber() + 1n;
    this.#filters.set(id, { kind, query, isFull, nextBlock, lastAskedMs: nowMs });
    return id;
  }

  /** @throws FilterNotFound, and what a query throws: then it may be asked again */
  async changes(parameters: RpcParameters, caller: Caller): Promise<RpcAnswer> {
    const filter = this.#find(parameters);
    assertVisible(this.#context, caller, 'block');
    const state = this.#context.reader.committed();
    const from = filter.nextBlock;
    const to = state.headNumber();
    if (to < from) return [];
    const { logBlocksMax } = this.#context.settings.limits;
    const last = to - from < logBlocksMax ? to : from + logBlocksMax - 1n;
    // Before the search: who asks twice at once is told once.
    filter.nextBlock = last + 1n;
    if (filter.kind !== 'logs' || !filter.query) {
      return this.#blockChanges(filter, caller, { state, from, to: last });
    }
    const range = { from, to: last, filter: filter.query.filter };
    try {
      return await logsInRange(this.#context, caller, range);
    } catch (error) {
      if (filter.nextBlock === last + 1n) filter.nextBlock = from;
      throw error;
    }
  }

  #blockChanges(
    filter: InstalledFilter,
    caller: Caller,
    range: { readonly state: EthereumState; readonly from: bigint; readonly to: bigint },
  ): JsonValue {
    const { state, from, to } = range;
    if (!filter.isFull) return hashesIn(filter.kind, state, { from, to });
    const found: JsonValue[] = [];
    for (const { number, bytes } of state.blockRows(from, to)) {
      const block: NumberedBlock = { number, ...decodeBlock(bytes) };
      for (const hash of block.transactionHashes) {
        const place = { state, block, hash };
        const located = locateInBlock(this.#context, caller, place, 'transaction');
        if (located) found.push(transactionJson(located));
      }
    }
    return found;
  }

  /** @throws FilterNotFound */
  async logs(parameters: RpcParameters, caller: Caller): Promise<RpcAnswer> {
    const { query } = this.#find(parameters);
    if (!query) throw ethereumError('FilterNotFound', 'filter not found');
    return queryLogs(this.#context, caller, query);
  }

  remove(parameters: RpcParameters): boolean {
    return this.#filters.delete(toData(parameters.data(0)));
  }

  #find(parameters: RpcParameters): InstalledFilter {
    const filter = this.#filters.get(toData(parameters.data(0)));
    if (!filter) throw ethereumError('FilterNotFound', 'filter not found');
    filter.lastAskedMs = this.#context.host.clock.monotonicMs();
    return filter;
  }

  #expire(nowMs: number): void {
    const { filterMsMax } = this.#context.settings.limits;
    for (const [id, filter] of this.#filters) {
      if (nowMs - filter.lastAskedMs > filterMsMax) this.#filters.delete(id);
    }
  }
}

function hashesIn(
  kind: InstalledFilter['kind'],
  state: EthereumState,
  range: { readonly from: bigint; readonly to: bigint },
): JsonValue {
  const hashes: JsonValue[] = [];
  for (const { bytes } of state.blockRows(range.from, range.to)) {
    const block = decodeBlock(bytes);
    if (kind === 'blocks') hashes.push(toData(block.hash));
    else hashes.push(...block.transactionHashes.map(toData));
  }
  return hashes;
}
