/** eth_subscribe and eth_unsubscribe, in geth's words: for channels only. */
import { isJsonObject } from '@coco/base';
import { ethereumError } from './errors.ts';
import { parseLogQuery } from './log-filter.ts';
import type { MethodTable, RpcContext } from './rpc-context.ts';
import type { Topic } from './rpc-exchange.ts';
import { invalid, type RpcParameters } from './rpc-parameters.ts';

/** Characters of an unknown name that an error repeats. */
const nameShown = 64;

export function subscriptionMethods(context: RpcContext): MethodTable {
  return [
    [
      'eth_subscribe',
      {
        arity: [0, 2],
        handle: (parameters, _caller, _prepared, exchange) => {
          if (!exchange) {
            throw ethereumError('SubscriptionsUnsupported', 'notifications not supported');
          }
          return exchange.subscribe(topicOf(context, parameters));
        },
      },
    ],
    [
      'eth_unsubscribe',
      {
        arity: [1, 1],
        handle: (parameters, _caller, _prepared, exchange) => {
          const id = parameters.at(0);
          if (typeof id !== 'string') throw invalid('invalid argument 0: not a string');
          if (exchange?.unsubscribe(id)) return true;
          throw ethereumError('SubscriptionNotFound', 'subscription not found');
        },
      },
    ],
  ];
}

/** @throws SubscriptionUnknown, JsonRpcInvalidParameters */
function topicOf({ engine }: RpcContext, parameters: RpcParameters): Topic {
  const name = parameters.at(0);
  if (typeof name !== 'string') throw invalid('expected subscription name as first argument');
  switch (name) {
    case 'newHeads':
    case 'syncing':
      return { kind: name };
    case 'logs': {
      const wish = parameters.at(1) ?? {};
      if (!isJsonObject(wish)) throw invalid('invalid argument 1: not an object');
      const query = parseLogQuery(wish, (bytes) => engine.keccak256(bytes));
      return { kind: name, filter: query.filter };
    }
    case 'newPendingTransactions':
      return { kind: name, isFull: parameters.boolean(1) };
    default:
      throw ethereumError(
        'SubscriptionUnknown',
        `no "${name.slice(0, nameShown)}" subscription in eth namespace`,
      );
  }
}
