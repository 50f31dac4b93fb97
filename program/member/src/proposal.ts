/** A proposal before it is submitted: read from a file, or put together from flags. */
import { isJsonObject, type JsonValue, LedgerError, parseJson } from '@coco/base';
import { memberError } from './errors.ts';
import type { JsonObject } from './governance-service.ts';

/** A signed request's limit, less its headers. */
const proposalBytesMax = 8 * 1024 * 1024 - 4096;
const proposalDepthMax = 32;

export interface Action {
  readonly name: string;
  readonly args: JsonObject;
}

export interface Proposal {
  readonly actions: readonly Action[];
  /** The bytes that are signed. Whoever wrote a file signs that file, byte for byte. */
  readonly bytes: Uint8Array;
}

/** @throws ProposalMalformed */
export function parseProposal(bytes: Uint8Array): Proposal {
  return { actions: actionsOf(parseBody(bytes)), bytes };
}

function parseBody(bytes: Uint8Array): JsonValue {
  try {
    return parseJson(bytes, { bytesMax: proposalBytesMax, depthMax: proposalDepthMax });
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw malformed(`The proposal cannot be read: ${cause.message}`, cause);
  }
}

function actionsOf(body: JsonValue): readonly Action[] {
  const actions = isJsonObject(body) ? body.actions : undefined;
  if (!Array.isArray(actions)) {
    throw malformed('A proposal is {"actions": [{"name": "...", "args": {...}}]}.');
  }
  if (actions.length === 0) throw malformed('The proposal has no action.');
  return actions.map((action: JsonValue, position) => {
    const { name, args = {} } = isJsonObject(action) ? action : {};
    if (typeof name !== 'string' || name === '') {
      throw malformed(`Action ${position + 1} of the proposal has no name.`);
    }
    if (args !== null && !isJsonObject(args)) {
      throw malformed(`The arguments of action ${position + 1}, ${name}, are no object.`);
    }
    return { name, args: args ?? {} };
  });
}

/** Flags in the order in which they stood: an argument belongs to the action before it. */
export type ProposalFlag =
  | { readonly flag: 'action'; readonly name: string }
  | { readonly flag: 'arg'; readonly text: string };

/**
 * Puts a proposal together. `key=text` is a text, `key=@file` a file's text, `key:=json` JSON,
 * `key:=@file` a file's JSON; `a.b=text` sets a part of an object, of one from a file, too.
 * @throws ProposalMalformed, and what readFile throws
 */
export async function buildProposal(
  flags: readonly ProposalFlag[],
  readFile: (path: string) => Promise<string>,
): Promise<Proposal> {
  const actions: NewAction[] = [];
  for (const flag of flags) {
    if (flag.flag === 'action') {
      actions.push({ name: flag.name, args: {}, given: new Set() });
      continue;
    }
    const action = actions.at(-1);
    if (!action) throw malformed(`--arg ${flag.text} stands before any --action.`);
    await setArgument(action, flag.text, readFile);
  }
  // Some actions are refused with arguments, even with none in them.
  const proposal = {
    actions: actions.map(({ name, args, given }) => (given.size === 0 ? { name } : { name, args })),
  };
  return parseProposal(new TextEncoder().encode(JSON.stringify(proposal, undefined, 2)));
}

interface NewAction {
  readonly name: string;
  readonly args: Record<string, JsonValue>;
  /** Paths that were set, each once; a part of what a file gave may be set anew. */
  readonly given: Set<string>;
}

async function setArgument(
  { args, given }: NewAction,
  text: string,
  readFile: (path: string) => Promise<string>,
): Promise<void> {
  const [, path = '', isJson, value = ''] = /^([\w.-]+?)(:?)=([\s\S]*)$/.exec(text) ?? [];
  const keys = path.split('.');
  const last = keys.pop();
  if (!last || keys.includes('') || text.includes('__proto__')) {
    throw malformed(`"${text}" is not an argument: write key=text, key=@file or key:=json.`);
  }
  if (given.has(path)) throw malformed(`The argument ${path} is set twice.`);
  given.add(path);
  let target = args;
  for (const key of keys) {
    const inner = target[key] ?? {};
    if (!isJsonObject(inner)) throw malformed(`The argument ${key} of ${path} is no object.`);
    target = target[key] = { ...inner } as Record<string, JsonValue>;
  }
  const content = value.startsWith('@') ? await readFile(value.slice(1)) : value;
  const parsed = isJson ? parseArgument(path, content) : content;
  Object.defineProperty(target, last, { value: parsed, enumerable: true, writable: true });
}

function parseArgument(path: string, text: string): JsonValue {
  try {
    return parseJson(new TextEncoder().encode(text), {
      bytesMax: proposalBytesMax,
      depthMax: proposalDepthMax,
    });
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw malformed(`The argument ${path} is not JSON; for a text write ${path}=...`, cause);
  }
}

function malformed(message: string, cause?: unknown): LedgerError {
  return memberError('ProposalMalformed', message, {}, cause);
}

/** The ballots that the tools cast where no script is given: the same for everybody. */
export const standardBallots = {
  approve: 'export function vote (rawProposal, proposerId) { return true }',
  reject: 'export function vote (rawProposal, proposerId) { return false }',
} as const;
