/** The kit passes an adapter that keeps the rules, and finds each rule that another breaks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { present, utf8Decode } from '@coco/base';
import type { CommandEndpoint } from '@coco/endpoint';
import { type ConformanceSubject, conformanceChecks, TestHost } from '../src/index.ts';
import { type Flaw, Tally } from './tally.ts';

async function call(host: TestHost, method: string, counter: string): Promise<string> {
  const endpoint = host.adapter.endpoints.find((one) => one.method === method);
  const response = await (present(endpoint, 'the endpoint is offered') as CommandEndpoint).handle({
    request: {
      method,
      path: '/tally',
      query: new Map(),
      headers: new Map(),
      body: new Uint8Array(0),
      clientCertificate: undefined,
    },
    caller: { policy: 'no_auth' },
    parameters: new Map([['counter', counter]]),
  });
  return utf8Decode(response.body);
}

const subjectWith = (flaw?: Flaw): ConformanceSubject => ({
  createAdapter: () => new Tally(flaw),
  load: async (host, step) => {
    await call(host, 'POST', `counter ${step % 3}`);
  },
  observe: (host) => call(host, 'GET', ''),
  claimsEveryWrite: true,
});

for (const { name, run } of conformanceChecks(subjectWith())) test(`tally: ${name}`, run);

async function failuresWith(flaw: Flaw): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const { name, run } of conformanceChecks(subjectWith(flaw))) {
    await run().catch(() => failures.push(name));
  }
  return failures;
}

const found: Readonly<Record<Flaw, string>> = {
  'public map': 'its maps bear its name, are private, and it writes no other',
  'foreign map': 'its maps bear its name, are private, and it writes no other',
  unseeded: 'the same calls give the same write sets and claims',
  unsalted: 'every write claims where that is promised, and claims are salted',
  'no claim': 'every write claims where that is promised, and claims are salted',
  'seals always': 'a batch without work leaves no entry',
  'writes on commit': 'what is committed is announced without writing',
  'follows nobody': 'a backup shows what the primary commits, and goes on from it in office',
  'forgets no rollback': 'after a rollback to any depth memory agrees with the store',
};

for (const [flaw, name] of Object.entries(found)) {
  test(`the kit finds an adapter with the flaw: ${flaw}`, async () => {
    const failures = await failuresWith(flaw as Flaw);
    assert.ok(failures.includes(name), failures.join('; ') || 'no check failed');
  });
}

test('a failed check rejects with ConformanceFailed, a foreign read with ForeignMapRead', async () => {
  const checks = conformanceChecks(subjectWith('unsalted'));
  const check = checks.find(({ name }) => name.includes('salted'));
  await assert.rejects(present(check, 'the check exists').run(), { code: 'ConformanceFailed' });
  const host = TestHost.create(new Tally());
  assert.throws(() => host.committed().map('other.map'), { code: 'ForeignMapRead' });
});
