/**
 * Random commands against the naive store (style rule 40): after each command every readable
 * state is compared whole, in both directions, and every other one must be refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, type Seqno, toHex } from '@coco/base';
import fc from 'fast-check';
import {
  type HeldState,
  type MapReader,
  type ReadView,
  type Savepoint,
  Store,
} from '../src/index.ts';
import {
  copyState,
  type NaiveState,
  NaiveStore,
  naiveRange,
  removeRow,
  writeRow,
} from './naive-store.ts';

const statesMax = 3;
const mapNames = ['public:a', 'b', 'c'] as const;
type MapName = (typeof mapNames)[number];

interface Held {
  readonly view: ReadView;
  readonly state: NaiveState;
  /** Cleared by a rollback below it. */
  isValid: boolean;
}

/** The store under test, with views opened earlier: they must stay right or refuse. */
interface Real {
  readonly store: Store;
  held: Held[];
  /** States that are kept readable, oldest hold first. */
  readonly pins: HeldState[];
}

type Step =
  | {
      readonly kind: 'set';
      readonly map: MapName;
      readonly key: Uint8Array;
      readonly value: Uint8Array;
    }
  | { readonly kind: 'delete'; readonly map: MapName; readonly key: Uint8Array }
  | { readonly kind: 'savepoint' }
  | { readonly kind: 'rollbackTo'; readonly which: number }
  | { readonly kind: 'range'; readonly map: MapName; readonly options: Options };

interface Options {
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
  readonly limit?: number;
  readonly reverse?: boolean;
}

const summary = (
  rows: Iterable<{ key: Uint8Array; value: Uint8Array; version: number }>,
): string[] => [...rows].map((row) => `${toHex(row.key)}=${toHex(row.value)}@${row.version}`);

function checkMap(reader: MapReader, state: NaiveState, name: string): void {
  const forward = summary(naiveRange(state, name, {}));
  assert.deepEqual(summary(reader.range()), forward);
  assert.deepEqual(summary(reader.range({ reverse: true })), forward.reverse());
  assert.equal(reader.size, forward.length);
  for (const row of state.get(name)?.values() ?? []) {
    assert.deepEqual(reader.get(row.key), row.value);
    assert.equal(reader.versionOf(row.key), row.version);
    assert.ok(reader.has(row.key));
  }
}

function checkView(view: ReadView, state: NaiveState): void {
  assert.deepEqual(view.mapNames(), [...state.keys()].sort());
  for (const name of mapNames) checkMap(view.map(name), state, name);
}

const isForgotten = (error: unknown): boolean =>
  (error as { code?: string }).code === 'StateForgotten';

function checkAll(model: NaiveStore, real: Real): void {
  assert.equal(real.store.seqno, model.seqno);
  for (let seqno = 0; seqno <= model.seqno + 1; seqno++) {
    if (model.isReadable(seqno)) {
      checkView(real.store.readAt(asSeqno(seqno)), model.states[seqno] as NaiveState);
    } else {
      assert.throws(() => real.store.readAt(asSeqno(seqno)), isForgotten);
    }
  }
  for (const { view, state, isValid } of real.held) {
    if (isValid && model.isReadable(view.seqno)) checkView(view, state);
    else assert.throws(() => view.map('b').get(new Uint8Array(1)), isForgotten);
  }
}

class TransactionCommand implements fc.Command<NaiveStore, Real> {
  readonly steps: readonly Step[];
  readonly isApplied: boolean;
  constructor(steps: readonly Step[], isApplied: boolean) {
    this.steps = steps;
    this.isApplied = isApplied;
  }
  check(): boolean {
    return true;
  }
  run(model: NaiveStore, real: Real): void {
    const transaction = real.store.begin();
    let state = copyState(model.state);
    const version = model.seqno + 1;
    let savepoints: { readonly point: Savepoint; readonly state: NaiveState }[] = [];
    for (const step of this.steps) {
      if (step.kind === 'set') {
        transaction.map(step.map).set(step.key, step.value);
        writeRow(state, step.map, { key: step.key, value: step.value, version });
      } else if (step.kind === 'delete') {
        transaction.map(step.map).delete(step.key);
        removeRow(state, step.map, step.key);
      } else if (step.kind === 'savepoint') {
        savepoints.push({ point: transaction.savepoint(), state: copyState(state) });
      } else if (step.kind === 'rollbackTo') {
        const target = savepoints[step.which % Math.max(savepoints.length, 1)];
        if (target === undefined) continue;
        transaction.rollbackTo(target.point);
        state = copyState(target.state);
        savepoints = savepoints.slice(0, savepoints.indexOf(target) + 1);
      } else {
        const expected = naiveRange(state, step.map, step.options);
        assert.deepEqual(summary(transaction.map(step.map).range(step.options)), summary(expected));
      }
    }
    for (const name of mapNames) {
      const map = transaction.map(name);
      assert.deepEqual(summary(map.range()), summary(naiveRange(state, name, {})));
      assert.equal(map.size, state.get(name)?.size ?? 0);
    }
    if (!this.isApplied) return;
    real.store.apply(transaction.writeSet());
    model.states.push(state);
    checkAll(model, real);
  }
  toString(): string {
    const shown = this.steps.map((step) =>
      JSON.stringify(step, (_, part) => (part instanceof Uint8Array ? toHex(part) : part)),
    );
    return `transaction(${this.isApplied}, ${shown.join(' ')})`;
  }
}

type SimpleKind = 'seal' | 'skip' | 'commit' | 'rollback' | 'hold' | 'pin' | 'unpin';

class SimpleCommand implements fc.Command<NaiveStore, Real> {
  readonly kind: SimpleKind;
  readonly amount: number;
  constructor(kind: SimpleKind, amount: number) {
    this.kind = kind;
    this.amount = amount;
  }
  check(): boolean {
    return true;
  }
  run(model: NaiveStore, real: Real): void {
    const { store } = real;
    const target = model.committed + (this.amount % (model.seqno - model.committed + 1));
    if (this.kind === 'seal') {
      store.seal();
      model.seal();
    } else if (this.kind === 'skip') {
      const to = model.seqno + 1 + (this.amount % 3);
      store.skip(asSeqno(to));
      while (model.seqno < to) model.states.push(copyState(model.state));
    } else if (this.kind === 'commit') {
      store.commit(asSeqno(target));
      model.commit(target);
    } else if (this.kind === 'rollback') {
      store.rollback(asSeqno(target));
      model.rollback(target);
      for (const held of real.held) if (held.view.seqno > target) held.isValid = false;
    } else if (this.kind === 'pin') {
      const [seqno] = model.sealed.filter((sealed) => sealed <= model.committed);
      if (seqno !== undefined) {
        real.pins.push(store.hold(asSeqno(seqno)));
        model.pins.push(seqno);
      }
    } else if (this.kind === 'unpin') {
      const pin = real.pins.shift();
      pin?.release();
      pin?.release();
      model.pins.shift();
    } else if (model.isReadable(target)) {
      const view = store.readAt(asSeqno(target));
      real.held.push({ view, state: model.states[target] as NaiveState, isValid: true });
    }
    checkAll(model, real);
  }
  toString(): string {
    return `${this.kind}(${this.amount})`;
  }
}

const keys = fc.oneof(
  fc.uint8Array({ maxLength: 2 }).map((bytes) => bytes.map((byte) => byte % 4)),
  fc.uint8Array({ maxLength: 3 }).map((tail) => Uint8Array.of(9, 9, 9, 9, 9, 9, ...tail)),
);
const values = fc.uint8Array({ maxLength: 8 });
const maps = fc.constantFrom(...mapNames);
const optionsOf = fc.record(
  { from: keys, to: keys, limit: fc.nat(5), reverse: fc.boolean() },
  { requiredKeys: [] },
) as fc.Arbitrary<Options>;
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      map: maps,
      key: keys,
      value: values,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('delete' as const), map: maps, key: keys }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('savepoint' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('rollbackTo' as const), which: fc.nat(7) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('range' as const), map: maps, options: optionsOf }),
  },
);
const simple = fc
  .tuple(
    fc.constantFrom('seal', 'seal', 'skip', 'commit', 'rollback', 'hold', 'pin', 'unpin'),
    fc.nat(20),
  )
  .map(([kind, amount]) => new SimpleCommand(kind as 'seal', amount));
const transactions = fc
  .tuple(fc.array(steps, { maxLength: 12 }), fc.integer({ min: 0, max: 9 }))
  .map(([list, dice]) => new TransactionCommand(list, dice > 0));

test('the store does what plain maps with a copy per seqno do', () => {
  fc.assert(
    fc.property(
      fc.commands([transactions, simple], { maxCommands: 60, size: 'max' }),
      (commands) => {
        const setup = (): { model: NaiveStore; real: Real } => ({
          model: new NaiveStore(statesMax),
          real: { store: new Store({ statesMax }), held: [], pins: [] },
        });
        fc.modelRun(setup, commands);
      },
    ),
    { numRuns: 80 },
  );
});

/** Everything that rows took is released once the rows are gone and no state sees them. */
test('an emptied store holds no memory, whatever happened before', () => {
  fc.assert(
    fc.property(
      fc.commands([transactions, simple], { maxCommands: 60, size: 'max' }),
      (commands) => {
        const store = new Store({ statesMax });
        const model = new NaiveStore(statesMax);
        const real: Real = { store, held: [], pins: [] };
        fc.modelRun(() => ({ model, real }), commands);
        for (const pin of real.pins) pin.release();
        const last = store.begin();
        for (const name of store.readAt(store.seqno).mapNames()) {
          for (const row of last.map(name).range()) last.map(name).delete(row.key);
        }
        store.apply(last.writeSet());
        for (let batch = 0; batch <= statesMax; batch++) {
          store.skip((store.seqno + 1) as Seqno);
          store.seal();
          store.commit(store.seqno);
        }
        while (store.reclaim(1000));
        assert.equal(store.stats().liveBytes, 0);
        assert.equal(store.stats().mapCount, 0);
      },
    ),
    { numRuns: 30 },
  );
});
