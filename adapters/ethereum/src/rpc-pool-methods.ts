/**
 * txpool_, as geth shows it: `pending` is what executes next or is executed and not committed yet,
 * `queued` what waits for a lower nonce. Each node shows what waits on it.
 */
import { type JsonValue, toHex } from '@coco/base';
import type { Caller } from '@coco/endpoint';
import type { AdmittedTransaction } from './admission.ts';
import { toData, toQuantity } from './numbers.ts';
import { type MethodTable, partiesOf, type RpcContext } from './rpc-context.ts';
import { pendingTransactionJson } from './rpc-format.ts';

type Group = 'pending' | 'queued';
type Show = (transaction: AdmittedTransaction) => JsonValue;

export function poolMethods(context: RpcContext): MethodTable {
  return [
    ['txpool_status', { arity: [0, 0], handle: (_, caller) => status(context, caller) }],
    ['txpool_content', { arity: [0, 0], handle: (_, caller) => content(context, caller, whole) }],
    ['txpool_inspect', { arity: [0, 0], handle: (_, caller) => content(context, caller, short) }],
    [
      'txpool_contentFrom',
      {
        arity: [1, 1],
        handle: (parameters, caller) => {
          const sender = toHex(parameters.address(0));
          const groups = groupsOf(context, caller);
          const of = (group: Group): JsonValue => byNonce(groups[group].get(sender) ?? [], whole);
          return { pending: of('pending'), queued: of('queued') };
        },
      },
    ],
  ];
}

const whole: Show = ({ decoded, sender }) => pendingTransactionJson(decoded, sender);

const short: Show = ({ decoded }) => {
  const { to, value, gasLimit, maxFeePerGas } = decoded;
  const target = to ? toData(to) : 'contract creation';
  return `${target}: ${value} wei + ${gasLimit} gas × ${maxFeePerGas} wei`;
};

function status(context: RpcContext, caller: Caller): JsonValue {
  const groups = groupsOf(context, caller);
  const count = (group: Group): string =>
    toQuantity([...groups[group].values()].reduce((sum, list) => sum + list.length, 0));
  return { pending: count('pending'), queued: count('queued') };
}

function content(context: RpcContext, caller: Caller, show: Show): JsonValue {
  const groups = groupsOf(context, caller);
  const of = (group: Group): JsonValue =>
    Object.fromEntries(
      [...groups[group]].map(([sender, list]) => [`0x${sender}`, byNonce(list, show)]),
    );
  return { pending: of('pending'), queued: of('queued') };
}

function byNonce(list: readonly AdmittedTransaction[], show: Show): JsonValue {
  return Object.fromEntries(list.map((one) => [one.decoded.nonce.toString(), show(one)]));
}

/** What the caller may see, by sender in hex, each list in order of nonce. */
function groupsOf(
  { submission, reader, visible }: RpcContext,
  caller: Caller,
): Record<Group, Map<string, AdmittedTransaction[]>> {
  const groups = { pending: new Map(), queued: new Map() };
  const state = reader.committed();
  const bySender = new Map<string, AdmittedTransaction[]>();
  for (const one of submission.unsettled()) {
    const parties = partiesOf(one.sender, one.decoded);
    if (!visible(caller, { kind: 'transaction', parties })) continue;
    const key = toHex(one.sender);
    bySender.set(key, [...(bySender.get(key) ?? []), one]);
  }
  for (const [key, list] of bySender) {
    list.sort((left, right) => (left.decoded.nonce < right.decoded.nonce ? -1 : 1));
    let next = list[0] ? (state.getAccount(list[0].sender)?.nonce ?? 0n) : 0n;
    for (const one of list) {
      const group: Group = one.decoded.nonce === next ? 'pending' : 'queued';
      if (group === 'pending') next++;
      groups[group].set(key, [...(groups[group].get(key) ?? []), one]);
    }
  }
  return groups;
}
