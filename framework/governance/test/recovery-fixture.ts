/** Services and shares for the tests of rekeys and reshares. */
import { present, type TransactionId } from '@coco/base';
import { decryptShare } from '../src/governance-request.ts';
import type { NativeContext } from '../src/native-function.ts';
import { nativeFunctions } from '../src/native-functions.ts';
import { transitionServiceToOpen } from '../src/open-service.ts';
import { decodeShare } from '../src/recovery-share.ts';
import type { Share } from '../src/shamir.ts';
import {
  memberCertificates,
  memberEncryptionKeys,
  memberInfos,
  recoveryShares,
} from '../src/tables.ts';
import { type TestMember, TestService } from './service-fixture.ts';

export async function openService(
  members: readonly TestMember[],
  recoveryThreshold = 1,
): Promise<TestService> {
  const service = await TestService.start(members, { recoveryThreshold });
  service.sign();
  for (const member of members) await service.acknowledge(member);
  openDirectly(service);
  return service;
}

export function openDirectly(service: TestService, previous?: string): void {
  const next = service.identity.serviceCertificate;
  service.write((transaction) =>
    transitionServiceToOpen(transaction, { previous, next }, service.ports),
  );
}

export function shareOf(service: TestService, member: TestMember): Share {
  const row = recoveryShares.require(service.store.begin());
  const encrypted = present(row.encrypted_shares[member.id], 'the member holds a share');
  return decodeShare(decryptShare(encrypted, present(member.encryptionKey, 'it has a key')));
}

type Writing = Parameters<Parameters<TestService['write']>[0]>[0];

export function removeMember(transaction: Writing, id: string): void {
  for (const table of [memberCertificates, memberEncryptionKeys, memberInfos]) {
    table.delete(transaction, id);
  }
}

/** Calls native functions of scripts, as the actions of one proposal would. */
export function callNative(service: TestService, ...paths: readonly string[]): readonly unknown[] {
  return writeWithEffects(service, (context) =>
    paths.map((path) => present(nativeFunctions.get(path), path)(context, [])),
  );
}

/** Runs a write, and then what it asked to be done once it has its id. */
export function writeWithEffects<Result>(
  service: TestService,
  run: (context: NativeContext) => Result,
): Result {
  const effects: ((id: TransactionId) => void)[] = [];
  const results: Result[] = [];
  service.write((transaction) => {
    const { ports } = service;
    results.push(run({ transaction, ports, whenAppended: (effect) => effects.push(effect) }));
  });
  const id = { view: service.createId.view, seqno: service.store.seqno };
  for (const effect of effects) effect(id);
  return present(results[0], 'the write has run');
}
