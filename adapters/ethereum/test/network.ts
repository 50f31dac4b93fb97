/**
 * A network for tests: the adapter on an in-process host, and a node:http server in front of it so
 * that real clients can talk to it. Each request moves the clock a little, as time would.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TestHost, type TestHostOptions } from '@coco/adapter';
import { fromHex, type JsonValue, present, utf8Decode, utf8Encode } from '@coco/base';
import type { Caller, CommandEndpoint, Request, Response } from '@coco/endpoint';
import type { Abi, Hex } from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { consortiumRule, EthereumAdapter, type VisibilityRule } from '../src/adapter.ts';
import { SameThreadAdmission } from '../src/admission.ts';
import { compileEngine } from '../src/create-adapter.ts';
import { Engine } from '../src/engine.ts';
import { type EthereumOptions, ethereumSettings } from '../src/options.ts';

const engineModule = compileEngine();
export const engine: Engine = new Engine(engineModule);
export const chainId: number = 1337;
export const aliceKey: Hex = `0x${'a1'.repeat(32)}`;
export const alice: PrivateKeyAccount = privateKeyToAccount(aliceKey);
export const bob: PrivateKeyAccount = privateKeyToAccount(`0x${'b0'.repeat(32)}`);
export const prefund: bigint = 10n ** 24n;

export const token: { readonly abi: Abi; readonly bytecode: Hex } = JSON.parse(
  readFileSync(new URL('./fixtures/token.json', import.meta.url), 'utf8'),
);

export function createAdapter(
  options: Partial<EthereumOptions> = {},
  rule: VisibilityRule = consortiumRule,
): EthereumAdapter {
  const settings = ethereumSettings({
    chainId: BigInt(chainId),
    prefunded: [alice, bob].map(({ address }) => ({ address: fromHex(address), balance: prefund })),
    admissionPool: new SameThreadAdmission(engine),
    ...options,
  });
  return new EthereumAdapter(settings, new Engine(engineModule), rule, options.calls);
}

export interface Network {
  readonly host: TestHost;
  /** Calls a method; throws nothing: the whole answer comes back. */
  rpc(method: string, ...params: unknown[]): Promise<RpcReply>;
  /** Sends a body as it is. */
  post(body: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

interface RpcReply {
  readonly id: JsonValue;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: string };
}

/** A new chain. */
export function createNetwork(
  options: Partial<EthereumOptions> = {},
  hostOptions: TestHostOptions = { isAutomatic: true },
  rule?: VisibilityRule,
): Network {
  return networkOf(TestHost.create(createAdapter(options, rule), hostOptions));
}

export function networkOf(host: TestHost): Network {
  const post = (body: string, headers = {}): Promise<Response> => {
    const all = { 'content-type': 'application/json', ...headers };
    return respond(host, requestOf('POST', utf8Encode(body), Object.entries(all)));
  };
  return {
    host,
    post,
    rpc: async (method, ...params) => {
      const { body } = await post(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
      return JSON.parse(utf8Decode(body)) as RpcReply;
    },
  };
}

export function requestOf(
  method: string,
  body: Uint8Array,
  headers: Iterable<readonly [string, string]> = [],
): Request {
  return {
    method,
    path: '/',
    query: new Map(),
    headers: new Map(headers),
    body,
    clientCertificate: undefined,
  };
}

export async function respond(
  host: TestHost,
  request: Request,
  caller: Caller = { policy: 'no_auth' },
): Promise<Response> {
  const endpoint = host.adapter.endpoints.find(
    ({ method, path }) => method === request.method && path === request.path,
  );
  const command = present(endpoint, 'the adapter offers the endpoint') as CommandEndpoint;
  return command.handle({ request, caller, parameters: new Map() });
}

/** How far a request moves the clock: a client that polls lets time pass. */
const requestMs = 100;

export interface Listening {
  readonly url: string;
  stop(): Promise<void>;
}

/** Puts an HTTP server on 127.0.0.1 in front of a network. */
export async function listen({ host }: Network): Promise<Listening> {
  const server = createServer(async (incoming, outgoing) => {
    const headers = Object.entries(incoming.headers).map(
      ([name, value]) => [name, String(value)] as const,
    );
    const body = await bodyOf(incoming);
    host.clock.advance(requestMs);
    const response = await respond(host, requestOf(incoming.method ?? '', body, headers));
    outgoing.writeHead(response.status, response.headers).end(response.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await host.adapter.stop();
    },
  };
}

async function bodyOf(incoming: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
