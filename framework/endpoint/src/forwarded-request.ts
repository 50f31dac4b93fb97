/**
 * A request on its way from one node to another, as headers beside its own. The primary names the
 * caller itself, by the same policies as if it had been asked directly; on the forwarding node's
 * word it takes only what that node saw of the client's TLS: its certificate. Table of headers:
 * docs/formats/forwarding.md.
 */

import { asView, fromBase64, toBase64, type View, viewMax } from '@coco/base';
import { authenticate } from './authenticate.ts';
import { endpointError } from './errors.ts';
import type { IdentityLookup } from './identity-lookup.ts';
import type { Request } from './request.ts';

const prefix = 'x-coco-forwarded';
const markHeader = prefix;
const certificateHeader = `${prefix}-certificate`;
const viewHeader = `${prefix}-view`;

/** What an answer to a forwarded request says that concerns the forwarding node alone. */
export const forwardingHeader: string = 'x-coco-forwarding';

/** A request as this node got it. */
export interface ReceivedRequest {
  /** As its client made it. */
  readonly request: Request;
  /** Undefined for a request that came from its client. */
  readonly forwarded: ForwardedFrom | undefined;
}

export interface ForwardedFrom {
  /** The node that forwarded it. */
  readonly nodeId: string;
  /** The view that the client's session is bound to; undefined at its first request. */
  readonly view: View | undefined;
}

/** As it goes to the primary. */
export function encodeForwarded(request: Request, view: View | undefined): Request {
  const { clientCertificate } = request;
  const headers = new Map(request.headers);
  headers.set(markHeader, '1');
  if (view !== undefined) headers.set(viewHeader, String(view));
  if (clientCertificate) headers.set(certificateHeader, toBase64(clientCertificate));
  return { ...request, headers };
}

/**
 * Tells a client's request from one that a node forwards.
 * @param context.lookup Of the committed state: a trust that may be rolled back counts for nothing.
 * @throws AuthorizationFailed for a stranger who says that he forwards; InvalidHeaderValue,
 *   InvalidInput, InvalidCertificate
 */
export function receiveRequest(
  request: Request,
  context: { readonly lookup: () => IdentityLookup; readonly nowMs: number },
): ReceivedRequest {
  const given = [...request.headers.keys()].filter((name) => name.startsWith(prefix));
  if (given.length === 0) return { request, forwarded: undefined };
  const sender = authenticate({ authentication: ['node_cert'] }, request, {
    lookup: context.lookup(),
    nowMs: context.nowMs,
  });
  if (sender.kind === 'response' || sender.caller.policy !== 'node_cert') {
    throw endpointError('AuthorizationFailed', 'Only a trusted node forwards requests.');
  }
  const headers = new Map(request.headers);
  for (const name of given) headers.delete(name);
  // Whatever it is, the client's TLS took it: the endpoint's policies parse it.
  const certificate = request.headers.get(certificateHeader);
  const clientCertificate = certificate === undefined ? undefined : fromBase64(certificate);
  const view = parseView(request.headers.get(viewHeader));
  return {
    request: { ...request, headers, clientCertificate },
    forwarded: { nodeId: sender.caller.id, view },
  };
}

function parseView(text: string | undefined): View | undefined {
  if (text === undefined) return undefined;
  const view = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : viewMax + 1;
  if (view <= viewMax) return asView(view);
  throw endpointError('InvalidHeaderValue', `The header ${viewHeader} holds no view.`);
}
