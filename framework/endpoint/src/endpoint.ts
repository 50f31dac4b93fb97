/**
 * What a room or an adapter offers on a path. The node runs handlers: a write handler runs alone,
 * to completion, on the executing thread, and its writes are kept only with a 2xx response.
 */
import type { TransactionId } from '@coco/base';
import type { ReadView, Transaction } from '@coco/kv';
import type { AuthenticationPolicy, Caller } from './caller.ts';
import type { Request, Response } from './request.ts';

export interface Call {
  readonly request: Request;
  readonly caller: Caller;
  /** Values of the template's `{name}` segments, decoded. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** What an operator may open to everybody on an interface; CCF's names. */
export type OperatorFeature = 'SnapshotRead';

/**
 * Whether a backup passes a request on to the primary: never, always, or if the primary answered an
 * earlier one of the same session (CCF's names).
 */
export type ForwardingRequired = 'never' | 'sometimes' | 'always';

/** Which nodes answer where an interface redirects; the others point to one of them. */
export type RedirectionStrategy = 'none' | 'to_primary' | 'to_backup';

interface EndpointBase {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';
  /** A template: `/gov/members/proposals/{proposalId}:withdraw`; `{x}` matches within a segment. */
  readonly path: string;
  /** Policies tried in order; the first that accepts names the caller. Empty: anyone. */
  readonly authentication: readonly AuthenticationPolicy[];
  /** Where an interface has the feature, anyone may call, whatever the policies say. */
  readonly operatorFeature?: OperatorFeature;
  /** Without: always for what writes, sometimes for reads, never for commands. */
  readonly forwardingRequired?: ForwardingRequired;
  /** Without: to_primary for what is always forwarded, none for the rest. */
  readonly redirectionStrategy?: RedirectionStrategy;
  /** Its answers promise nothing of the session's earlier ones: a change of view does not end it. */
  readonly isSessionExempt?: true;
  /** What a COSE policy demands as the signed message's type; a member's message needs one. */
  readonly messageType?: string;
  /** One line for the OpenAPI document. */
  readonly summary?: string;
}

/** Reads one state: the executed one on the primary, the committed one elsewhere. */
export interface ReadEndpoint extends EndpointBase {
  readonly mode: 'read';
  handle(view: ReadView, call: Call): Response;
}

/** Reads and writes the executed state. */
export interface WriteEndpoint extends EndpointBase {
  readonly mode: 'write';
  handle(transaction: Transaction, call: Call): WriteOutcome;
}

export interface WriteOutcome {
  readonly response: Response;
  /** 32 bytes that the entry claims; zeros when absent. */
  readonly claimsDigest?: Uint8Array;
  /** The writes are kept although the response is no success (CCF's setApplyWrites). */
  readonly keepsWrites?: true;
  /**
   * Called at once when the entry has its id, and only then: for what follows from an entry and is
   * no row. A rollback must undo it.
   */
  readonly whenAppended?: (id: TransactionId) => void;
}

/**
 * Reads and writes the executed state, and may wait: it runs beside other writes, and again when
 * one of them changed what it read. Nothing that it does outside its transaction may count.
 */
interface OptimisticEndpoint extends EndpointBase {
  readonly mode: 'optimistic';
  handle(transaction: Transaction, call: Call): Promise<WriteOutcome>;
}

/** Touches no map itself; may wait. */
export interface CommandEndpoint extends EndpointBase {
  readonly mode: 'command';
  handle(call: Call): Response | Promise<Response>;
}

export type Endpoint = ReadEndpoint | WriteEndpoint | OptimisticEndpoint | CommandEndpoint;
