/** A small ledger of notes: enough of an adapter to write private rows over HTTP. */
import type { Adapter, Host } from '@coco/adapter';
import { isJsonObject, type JsonValue, present, utf8Encode } from '@coco/base';
import { bytesResponse, type Caller, endpointError, jsonResponse } from '@coco/endpoint';

const map = 'notes.rows';

/** By which policy the caller is known, and as whom. */
function nameOf(caller: Caller): JsonValue {
  const { policy } = caller;
  if (caller.policy === 'jwt') {
    const { payload } = caller;
    return { policy, id: isJsonObject(payload) ? (payload.sub ?? null) : null };
  }
  return 'id' in caller ? { policy, id: caller.id } : { policy };
}

export function createNotesAdapter(): Adapter {
  let host: Host | undefined;
  return {
    name: 'notes',
    maps: [map],
    genesis: (transaction) => transaction.map(map).set(utf8Encode('genesis'), utf8Encode('yes')),
    start: (given) => {
      host = given;
    },
    endpoints: [
      {
        method: 'POST',
        path: '/app/notes/{name}',
        mode: 'command',
        forwardingRequired: 'always',
        authentication: [],
        handle: ({ request, parameters }) => {
          const key = utf8Encode(parameters.get('name') ?? '');
          const { id } = present(host, 'the adapter has started').execute((transaction) => {
            transaction.map(map).set(key, request.body);
            return { result: undefined };
          });
          return jsonResponse({ transactionId: id ? `${id.view}.${id.seqno}` : null });
        },
      },
      {
        method: 'POST',
        path: '/app/who',
        mode: 'write',
        authentication: ['user_cose_sign1', 'jwt', 'member_cert', 'user_cert', 'no_auth'],
        handle: (_, { caller }) => ({ response: jsonResponse(nameOf(caller)) }),
      },
      {
        method: 'DELETE',
        path: '/app/notes/{name}',
        mode: 'command',
        authentication: [],
        handle: ({ parameters }) => {
          const key = utf8Encode(parameters.get('name') ?? '');
          const { id } = present(host, 'the adapter has started').execute((transaction) => {
            transaction.map(map).delete(key);
            return { result: undefined };
          });
          return jsonResponse({ transactionId: id ? `${id.view}.${id.seqno}` : null });
        },
      },
      {
        method: 'GET',
        path: '/app/notes/{name}',
        mode: 'command',
        authentication: [],
        handle: ({ parameters }) => {
          const state = present(host, 'the adapter has started').committed();
          const value = state.map(map).get(utf8Encode(parameters.get('name') ?? ''));
          if (!value) throw endpointError('ResourceNotFound', 'There is no such note.');
          return bytesResponse(value, 'application/octet-stream');
        },
      },
    ],
    seal: () => ({ result: undefined }),
    visible: () => true,
    onCommitted: () => {},
    rolledBack: () => {},
    stop: async () => {},
  };
}
