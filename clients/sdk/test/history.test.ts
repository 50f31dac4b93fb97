import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTransactionId } from '@coco/base';
import { SigningKey, sha256 } from '@coco/crypto';
import { forgetfulMemory, type IdentityChange, parseMemory } from '../src/index.ts';
import { dial, hasCode, recover, remembered, start } from './dial.ts';
import { endorse, idOf } from './fake-ledger.ts';
import { json, makeParts } from './fake-service.ts';

test('a service that continues its history is accepted again, with the renewed certificate too', async () => {
  const service = await start();
  const memory = await remembered(service);
  service.ledger.append('more');
  service.ledger.sign(service.parts.serviceKey);
  const client = await dial(service, memory);
  assert.deepEqual(client.lastCommitted, idOf('2.10'));
  client.close();
  const { root, serviceKey } = service.parts;
  const renewed = await start({
    parts: await makeParts({ root, serviceKey }),
    ledger: service.ledger,
  });
  (await dial(renewed, memory)).close();
  assert.equal(parseMemory(await memory.load()).identities.length, 1);
});

test('a service set back to an older ledger is refused as behind', async () => {
  const service = await start();
  const memory = await remembered(service);
  service.ledger = service.ledger.copy(4);
  await assert.rejects(dial(service, memory), hasCode('ServiceBehind'));
  // Growing again does not help once the place of what was seen is another's.
  service.ledger.view = 4;
  for (let item = 0; item < 9; item++) service.ledger.append(`other ${item}`);
  service.ledger.sign(service.parts.serviceKey);
  await assert.rejects(dial(service, memory), hasCode('ServiceBehind'));
});

test('a node that lags for a moment is given the time to catch up', async () => {
  const service = await start();
  const memory = await remembered(service);
  const whole = service.ledger;
  service.ledger = whole.copy(4);
  let asked = 0;
  service.lies.set('/node/commit', () => {
    if (++asked === 2) service.ledger = whole;
    return undefined;
  });
  const client = await dial(service, memory, { limits: { behindGraceMs: 5_000 } });
  assert.deepEqual(client.lastCommitted, idOf('2.8'));
  assert.ok(asked >= 2);
  client.close();
});

test('a service with the same ids but another history is refused as forked', async () => {
  const service = await start();
  const memory = await remembered(service);
  const forked = service.ledger.copy(4);
  for (let item = 0; item < 3; item++) forked.append(`other ${item}`);
  forked.sign(service.parts.serviceKey);
  service.ledger = forked;
  assert.equal(forked.status(idOf('2.8')), 'Committed');
  await assert.rejects(dial(service, memory), hasCode('ServiceForked'));
});

test('two receipts of one session that contradict each other are refused as forked', async () => {
  const service = await start();
  const client = await dial(service);
  await client.receipt('2.6');
  const forked = service.ledger.copy(5);
  for (let item = 0; item < 2; item++) forked.append(`other ${item}`);
  forked.sign(service.parts.serviceKey);
  service.ledger = forked;
  // The transaction is the same, but the signature over it stands for another tree.
  await assert.rejects(client.receipt('2.5'), hasCode('ServiceForked'));
  client.close();
});

test('a view that goes down after what was seen is refused as forked', async () => {
  const service = await start();
  const memory = await remembered(service);
  service.lie('/node/commit', { transaction_id: '1.9' });
  await assert.rejects(dial(service, memory), hasCode('ServiceForked'));
});

test('a recovered service that endorses the remembered identity is accepted, and old receipts hold', async () => {
  const service = await start();
  const memory = await remembered(service);
  const recovered = await recover(service, 8);
  const changes: string[] = [];
  const client = await dial(recovered, memory, {
    acceptIdentity: ({ from, to, endorsed }) => {
      changes.push(`${from?.id} ${to.identity.id} ${formatTransactionId(endorsed.epochEnd)}`);
      return true;
    },
  });
  const [oldId, newId] = [service.parts.serviceKey.id, recovered.parts.serviceKey.id];
  assert.deepEqual(changes, [`${oldId} ${newId} 2.8`]);
  assert.deepEqual(
    client.identities.map(({ id }) => id),
    [oldId, newId],
  );
  const receipt = await client.receipt('2.6');
  assert.equal(receipt.serviceId, oldId);
  assert.equal(receipt.isCurrentIdentity, false);
  client.close();
  // The next recovery is two endorsements away from the first identity.
  const again = await recover(recovered, 10, '4.9');
  (await dial(again, memory)).close();
  assert.equal(parseMemory(await memory.load()).identities.length, 3);
  const pin = {
    developmentRoot: service.parts.root.spki,
    identities: [service.parts.serviceKey.spki],
  };
  (await dial(again, forgetfulMemory(), { pin })).close();
});

test('what a recovered service declares of losses is shown, to who decides on the change too', async () => {
  const service = await start();
  const memory = await remembered(service);
  const first = await dial(service, memory);
  assert.equal(first.recovery, undefined);
  first.close();
  const recovered = await recover(service, 8);
  const network = {
    service_status: 'Open',
    service_certificate: recovered.parts.serviceCertificate,
    recovered_to: '2.8',
  };
  recovered.lie('/node/network', { ...network, may_lack_commits: true });
  const refuses = { acceptIdentity: ({ to }: IdentityChange) => !to.recovery?.mayLackCommits };
  await assert.rejects(dial(recovered, memory, refuses), hasCode('ServiceIdentityChanged'));
  // Silence about losses is no promise.
  recovered.lie('/node/network', network);
  await assert.rejects(dial(recovered, memory, refuses), hasCode('ServiceIdentityChanged'));
  recovered.lie('/node/network', { ...network, may_lack_commits: false });
  const client = await dial(recovered, memory, refuses);
  assert.deepEqual(client.recovery, { recoveredTo: idOf('2.8'), mayLackCommits: false });
  client.close();
  recovered.lie('/node/network', { ...network, recovered_to: 'x' });
  await assert.rejects(dial(recovered, memory), hasCode('AnswerMalformed'));
});

test('a service that was followed by another is behind, and one recovered beside it forked', async () => {
  const service = await start();
  const memory = await remembered(service);
  const recovered = await recover(service, 8);
  (await dial(recovered, memory)).close();
  await assert.rejects(dial(service, memory), hasCode('ServiceBehind'));
  const beside = await recover(service, 8);
  await assert.rejects(dial(beside, memory), hasCode('ServiceForked'));
});

test('a new identity is refused without endorsement, with a foreign one, or by the caller', async () => {
  const service = await start();
  const memory = await remembered(service);
  const before = await memory.load();
  const recovered = await recover(service, 8);
  const refusesChange = { acceptIdentity: () => Promise.resolve(false) };
  await assert.rejects(dial(recovered, memory, refusesChange), hasCode('ServiceIdentityChanged'));
  const { endorsements } = recovered;
  recovered.endorsements = [];
  await assert.rejects(dial(recovered, memory), hasCode('ServiceIdentityChanged'));
  const stranger = SigningKey.generate('P-256');
  const foreign = {
    key: stranger,
    endorsed: service.parts.serviceKey,
    begin: '2.1',
    end: idOf('2.8'),
  };
  recovered.endorsements = [endorse(foreign), ...endorsements];
  await assert.rejects(dial(recovered, memory), hasCode('ServiceIdentityChanged'));
  const pin = { developmentRoot: service.parts.root.spki, identities: [stranger.spki] };
  await assert.rejects(
    dial(recovered, forgetfulMemory(), { pin }),
    hasCode('ServiceIdentityChanged'),
  );
  assert.equal(await memory.load(), before);
});

test('a service recovered from an older ledger is refused as behind, however far it has grown', async () => {
  const service = await start();
  const memory = await remembered(service);
  const recovered = await recover(service, 4);
  for (let item = 0; item < 20; item++) recovered.ledger.append(`later ${item}`);
  recovered.ledger.sign(recovered.parts.serviceKey);
  await assert.rejects(dial(recovered, memory), hasCode('ServiceBehind'));
});

test('a service recovered from another history is refused as forked', async () => {
  const service = await start();
  const memory = await remembered(service);
  const recovered = await recover(service, 8);
  const { serviceKey } = recovered.parts;
  const endorsed = service.parts.serviceKey;
  const root = sha256(new Uint8Array([5]));
  recovered.endorsements = [
    endorse({ key: serviceKey, endorsed, begin: '2.1', end: idOf('2.8'), root }),
  ];
  await assert.rejects(dial(recovered, memory), hasCode('ServiceForked'));
});

test('a list of endorsements that is malformed or too long is refused', async () => {
  const service = await start();
  const memory = await remembered(service);
  const recovered = await recover(service, 8);
  const path = '/node/service/previous_identity';
  const long = Array.from({ length: 65 }, () => ({ endorsement: '' }));
  for (const document of [{}, { endorsements: long }, { endorsements: [{ endorsement: '*' }] }]) {
    recovered.lies.set(path, () => json(document));
    await assert.rejects(dial(recovered, memory), hasCode('AnswerMalformed'));
  }
});
