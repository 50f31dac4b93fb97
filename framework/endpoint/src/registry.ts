/**
 * Finds the endpoint of a request: exact paths first, then templates. Endpoints of all rooms stand
 * in one registry; two that could answer the same request are refused when the second is added,
 * so which one answers never depends on the order of registration.
 */
import { assert } from '@coco/base';
import type { AuthenticationPolicy } from './caller.ts';
import type { ChannelEndpoint } from './channel.ts';
import type { Endpoint } from './endpoint.ts';
import { errorResponse } from './error-response.ts';
import { endpointError } from './errors.ts';
import {
  matchPathTemplate,
  type PathTemplate,
  parsePathTemplate,
  templatesOverlap,
} from './path-template.ts';
import { emptyResponse, type Response } from './request.ts';

/** The order in which an allow header names methods. */
const methodOrder = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const;
const frontends: ReadonlySet<string> = new Set(['node', 'gov', 'app']);

export interface RouteMatch {
  readonly endpoint: Endpoint;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Where a request goes, or the response that it gets at once. */
export type Route =
  | { readonly kind: 'match'; readonly match: RouteMatch }
  | { readonly kind: 'response'; readonly response: Response };

/** Where a request to open a channel goes, or the response that it gets at once. */
export type ChannelRoute =
  | {
      readonly kind: 'match';
      readonly channel: ChannelEndpoint;
      readonly parameters: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'response'; readonly response: Response };

interface Path {
  readonly template: PathTemplate;
  readonly methods: Map<string, Endpoint>;
  channel: ChannelEndpoint | undefined;
}

const noParameters: ReadonlyMap<string, string> = new Map();

export class Registry {
  readonly #exact = new Map<string, Path>();
  readonly #templates: Path[] = [];

  /** Adds a room's endpoints. A second endpoint for the same request is a bug of its room. */
  add(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) this.#addOne(endpoint);
  }

  #addOne(endpoint: Endpoint): void {
    const template = parsePathTemplate(endpoint.path);
    const path = this.#pathOf(template);
    const isFree = !path.methods.has(endpoint.method);
    assert(isFree, `${endpoint.method} ${endpoint.path} is offered once`);
    for (const policy of endpoint.authentication) assertPolicy(policy);
    path.methods.set(endpoint.method, endpoint);
  }

  /** Adds a room's channels. A second one on the same path is a bug of its room. */
  addChannels(channels: readonly ChannelEndpoint[]): void {
    for (const channel of channels) {
      const path = this.#pathOf(parsePathTemplate(channel.path));
      assert(path.channel === undefined, `A channel on ${channel.path} is offered once`);
      for (const policy of channel.authentication) assertPolicy(policy);
      path.channel = channel;
    }
  }

  #pathOf(template: PathTemplate): Path {
    const isExact = template.names.length === 0;
    const known = isExact
      ? this.#exact.get(template.text)
      : this.#templates.find((path) => path.template.text === template.text);
    if (known) return known;
    const created: Path = { template, methods: new Map(), channel: undefined };
    if (isExact) this.#exact.set(template.text, created);
    else {
      const rival = this.#templates.find((path) => templatesOverlap(path.template, template));
      assert(!rival, `${template.text} matches no path that ${rival?.template.text} matches`);
      this.#templates.push(created);
    }
    return created;
  }

  /** Every endpoint, sorted by path and method. */
  endpoints(): readonly Endpoint[] {
    return [...this.#exact.values(), ...this.#templates]
      .flatMap((path) => [...path.methods.values()])
      .sort((left, right) => (sortKey(left) < sortKey(right) ? -1 : 1));
  }

  /**
   * Routes by method and decoded path. A path outside /node, /gov and /app is the app's: `/commit`
   * is `/app/commit` unless an adapter offers `/commit` itself.
   */
  route(method: string, path: string): Route {
    const isApp = !frontends.has(path.split('/', 2)[1] ?? '');
    const found = this.#find(path) ?? (isApp ? this.#find(`/app${path}`) : undefined);
    if (!found) {
      const message = `Unknown path: ${pathInFrontend(path)}.`;
      return answer(errorResponse(endpointError('ResourceNotFound', message)));
    }
    const endpoint = found.path.methods.get(method);
    if (endpoint) return { kind: 'match', match: { endpoint, parameters: found.parameters } };
    const allow = allowOf(found.path);
    if (method === 'OPTIONS') return answer({ ...emptyResponse(), headers: { allow } });
    const message = `Allowed methods for '${pathInFrontend(path)}' are: ${allow}.`;
    const error = endpointError('UnsupportedHttpVerb', message);
    return answer(errorResponse(error, { headers: { allow } }));
  }

  /** Routes a request to open a channel by its decoded path. */
  routeChannel(path: string): ChannelRoute {
    const found = this.#find(path);
    if (found?.path.channel) {
      return { kind: 'match', channel: found.path.channel, parameters: found.parameters };
    }
    const message = `No channel is offered on ${pathInFrontend(path)}.`;
    return answer(errorResponse(endpointError('ResourceNotFound', message)));
  }

  #find(path: string): { path: Path; parameters: ReadonlyMap<string, string> } | undefined {
    const exact = this.#exact.get(path);
    if (exact) return { path: exact, parameters: noParameters };
    for (const candidate of this.#templates) {
      const parameters = matchPathTemplate(candidate.template, path);
      if (parameters) return { path: candidate, parameters };
    }
    return undefined;
  }
}

function assertPolicy(policy: AuthenticationPolicy): void {
  if (typeof policy === 'string') return;
  const { all_of: names } = policy;
  const isSet = names.length > 0 && new Set(names).size === names.length;
  assert(isSet, 'all_of names at least one policy and none twice');
}

function answer(response: Response): { kind: 'response'; response: Response } {
  return { kind: 'response', response };
}

function allowOf(path: Path): string {
  return ['OPTIONS', ...methodOrder.filter((method) => path.methods.has(method))].join(', ');
}

/** CCF names a path as its frontend sees it: `/node/network` is `/network`. */
function pathInFrontend(path: string): string {
  const match = /^\/(node|gov|app)(\/.*)$/.exec(path);
  return match?.[2] ?? path;
}

function sortKey(endpoint: Endpoint): string {
  return `${endpoint.path} ${endpoint.method}`;
}
