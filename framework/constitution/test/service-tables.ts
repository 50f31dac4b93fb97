/** A service in memory with three active members, for tests of actions and rules. */
import { MemoryCcf } from './memory-ccf.ts';

export const gov = 'public:ccf.gov';
export const coco = 'public:coco.gov';
/** Ids of members, nodes and users in tests. */
export const id = (digit: string): string => digit.repeat(64);

export interface TestMember {
  readonly id: string;
  readonly data?: unknown;
  readonly status?: 'Active' | 'Accepted';
  /** Whether it holds a recovery share. */
  readonly hasKey?: boolean;
}

export function openService(
  members: readonly TestMember[] = ['a', 'b', 'c'].map((digit) => ({ id: id(digit) })),
  status = 'Open',
): MemoryCcf {
  const ccf = new MemoryCcf();
  for (const { id: member, data, status: state = 'Active', hasKey } of members) {
    ccf.putJson(`${gov}.members.info`, { status: state, member_data: data }, member);
    ccf.putText(`${gov}.members.certs`, member, `certificate of ${member}`);
    if (hasKey) ccf.putText(`${gov}.members.encryption_public_keys`, member, 'key');
  }
  ccf.putJson(`${gov}.service.info`, { cert: 'identity', status });
  ccf.putJson(`${gov}.service.config`, { recovery_threshold: 1 });
  return ccf;
}

export function proposal(...actions: readonly (readonly [name: string, args?: unknown])[]): string {
  return JSON.stringify({ actions: actions.map(([name, args]) => ({ name, args })) });
}
