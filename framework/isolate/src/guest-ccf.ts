/**
 * The `ccf` global inside the isolate, but for `ccf.kv` (facts on CCF, sections 4.3 and 6). See
 * guest-values.ts for what code here must obey.
 */
import { expectCount, onlyBuffer, throwRefusal } from './guest-kv.ts';
import { type GuestHost, type Kept, packGuestValue, unpackGuestValue } from './guest-values.ts';

type Ccf = Record<string, unknown>;

export function installConverters(kept: Kept, host: GuestHost, ccf: Ccf): void {
  const toBuf = (value: unknown): ArrayBuffer => {
    if (typeof value !== 'string') throw new kept.TypeError('Argument must be a string');
    return host.encode(value);
  };
  ccf.strToBuf = (...args: unknown[]) => {
    expectCount(kept, args, 1);
    return toBuf(args[0]);
  };
  ccf.bufToStr = (...args: unknown[]) => host.decode(onlyBuffer(kept, args));
  ccf.jsonCompatibleToBuf = (...args: unknown[]) => {
    expectCount(kept, args, 1);
    return toBuf(kept.stringify(args[0]));
  };
  ccf.bufToJsonCompatible = (...args: unknown[]) => kept.parse(host.decode(onlyBuffer(kept, args)));
  // Both only answer what they were last told: time is always the host's, and nothing is logged.
  for (const name of ['enableUntrustedDateTime', 'enableMetricsLogging']) {
    let former = false;
    ccf[name] = (...args: unknown[]) => {
      expectCount(kept, args, 1);
      const [isOn] = args;
      if (typeof isOn !== 'boolean') {
        throw new kept.TypeError('First argument must be a boolean');
      }
      const answer = former;
      former = isOn;
      return answer;
    };
  }
}

/** Functions of the host that need nothing from outside the isolate's process. */
export function installCrypto(
  kept: Kept,
  host: GuestHost,
  names: {
    readonly ccf: Ccf;
    readonly crypto: readonly string[];
    readonly legacy: readonly string[];
  },
): void {
  const hostFunction =
    (name: string) =>
    (...args: unknown[]) =>
      answered(kept, host, host.crypto(name, packGuestValue(kept, host, args)));
  const crypto: Ccf = {};
  for (const name of names.crypto) crypto[name] = hostFunction(name);
  for (const name of names.legacy) names.ccf[name] = crypto[name];
  names.ccf.crypto = crypto;
  names.ccf.pemToId = hostFunction('pemToId');
}

export function installGovernance(kept: Kept, host: GuestHost, ccf: Ccf): void {
  ccf.gov = {
    validateConstitution: (...args: unknown[]) => {
      expectCount(kept, args, 1);
      const [source] = args;
      if (typeof source !== 'string') {
        throw new kept.TypeError('constitution is not a string');
      }
      if (source === '') throw new kept.TypeError('constitution is empty');
      const refusal = host.validate(source);
      if (refusal !== '') throwRefusal(kept, refusal);
      return true;
    },
  };
}

/** Functions of the node that this run may call, by their paths below `ccf`. */
export function installFunctions(
  kept: Kept,
  host: GuestHost,
  what: { readonly ccf: Ccf; readonly paths: readonly string[] },
): void {
  for (const path of what.paths) {
    let owner = what.ccf;
    let from = 0;
    for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', from)) {
      const name = kept.slice(path, from, dot);
      owner = (owner[name] ??= {}) as Ccf;
      from = dot + 1;
    }
    owner[kept.slice(path, from)] = (...args: unknown[]) =>
      answered(kept, host, host.call(path, packGuestValue(kept, host, args)));
  }
}

/** A `V` and a packed list of the one value, or a refusal. */
export function answered(kept: Kept, host: GuestHost, text: string): unknown {
  if (text[0] !== 'V') throwRefusal(kept, text);
  return (unpackGuestValue(kept, host, kept.slice(text, 1)) as unknown[])[0];
}

export function installConsole(): void {
  const write = (): void => {};
  const console = { log: write, info: write, warn: write, error: write, debug: write };
  Object.defineProperty(globalThis, 'console', {
    value: console,
    writable: true,
    configurable: true,
  });
}
