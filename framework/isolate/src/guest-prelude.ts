/**
 * What every isolate begins with, as text to evaluate in QuickJS: the functions of the guest-*
 * files and what puts them together. Node.js has stripped their types by then.
 */
import {
  answered,
  installConsole,
  installConverters,
  installCrypto,
  installFunctions,
  installGovernance,
} from './guest-ccf.ts';
import {
  expectCount,
  makeKv,
  makeMapHandles,
  onlyBuffer,
  throwRefusal,
  visitRows,
} from './guest-kv.ts';
import {
  asBuffer,
  type GuestHost,
  keepLanguage,
  packGuestValue,
  unpackGuestValue,
} from './guest-values.ts';

/** What the host calls of the guest. */
interface GuestEntries {
  /** Completes `ccf` for this run; the argument is JSON. */
  prepare(run: string): void;
  /** Calls a function with packed arguments. */
  enter(callee: (...args: unknown[]) => unknown, args: string): unknown;
  /** Packs, in a list, a value that `enter` returned. */
  encode(value: unknown): string;
  /** What was thrown, as a reason and a trace with U+0000 between them. */
  describe(thrown: unknown): string;
}

/** In the order of startGuest's arguments. */
export const guestHostNames: readonly (keyof GuestHost)[] = [
  'give',
  'take',
  'kv',
  'call',
  'crypto',
  'validate',
  'encode',
  'decode',
  'random',
];

/** Names of `ccf.crypto`, and those that are also names of `ccf` itself. */
export interface CryptoNames {
  readonly crypto: readonly string[];
  readonly legacy: readonly string[];
}

/** A script whose value is a function of the host's functions; it returns GuestEntries. */
export function guestPrelude(names: CryptoNames): string {
  const functions = [
    keepLanguage,
    asBuffer,
    packGuestValue,
    unpackGuestValue,
    expectCount,
    onlyBuffer,
    throwRefusal,
    visitRows,
    makeMapHandles,
    makeKv,
    answered,
    installConsole,
    installConverters,
    installCrypto,
    installFunctions,
    installGovernance,
    trimGlobals,
    describeThrown,
    startGuest,
  ];
  const text = functions.map(String).join('\n');
  const list = JSON.stringify(guestHostNames);
  return `(() => { 'use strict';
${text}
return (...functions) => {
  const host = {};
  ${list}.forEach((name, at) => { host[name] = functions[at]; });
  return startGuest(host, ${JSON.stringify(names)});
};
})()`;
}

function startGuest(host: GuestHost, names: CryptoNames): GuestEntries {
  const kept = keepLanguage();
  const ccf: Record<string, unknown> = { kv: makeKv(kept, host) };
  trimGlobals();
  installConsole();
  installConverters(kept, host, ccf);
  installCrypto(kept, host, { ccf, ...names });
  // tidy-allow: this gives the script's own Math the port's chance.
  Math.random = () => host.random();
  Object.defineProperty(globalThis, 'ccf', { value: ccf, writable: true, configurable: true });
  return {
    prepare: (run) => {
      const { paths, isGovernance } = kept.parse(run);
      if (isGovernance) installGovernance(kept, host, ccf);
      installFunctions(kept, host, { ccf, paths });
    },
    enter: (callee, args) =>
      kept.apply(callee, undefined, unpackGuestValue(kept, host, args) as unknown[]),
    encode: (value) => packGuestValue(kept, host, [value]),
    describe: (thrown) => describeThrown(kept, thrown),
  };
}

/** ECMAScript's globals stay; shared memory goes, as there is nobody to share it with. */
function trimGlobals(): void {
  for (const name of ['SharedArrayBuffer', 'Atomics', 'queueMicrotask', 'navigator', 'gc']) {
    Reflect.deleteProperty(globalThis, name);
  }
}

/** Runs code of the script where it threw an object of its own. */
function describeThrown(kept: ReturnType<typeof keepLanguage>, thrown: unknown): string {
  const charactersMax = 4096;
  const shorten = (text: string): string =>
    text.length > charactersMax ? `${kept.slice(text, 0, charactersMax)}...` : text;
  let reason = 'The script threw a value that has no text.';
  let trace = '';
  try {
    reason = kept.toText(thrown);
    const stack = (thrown as Error | undefined)?.stack;
    if (typeof stack === 'string') trace = stack;
  } catch {
    // What the script threw throws when it is read: there is no more to say of it.
  }
  return `${shorten(reason)}\0${shorten(trace)}`;
}
