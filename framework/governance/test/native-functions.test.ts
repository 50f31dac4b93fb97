import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { utf8Encode } from '@coco/base';
import type { ScriptValue } from '@coco/isolate';
import { nativeFunctions } from '../src/native-functions.ts';
import { createMember, TestService } from './service-fixture.ts';

suite('native functions of scripts', () => {
  test('transitionServiceToOpen opens the service whose identity it is given', async () => {
    const member = await createMember();
    const service = await TestService.start([member]);
    service.sign();
    await service.acknowledge(member);
    const open = nativeFunctions.get('node.transitionServiceToOpen');
    assert.ok(open);
    const run = (args: readonly ScriptValue[]): void =>
      service.write((transaction) => {
        open({ transaction, ports: service.ports, whenAppended: () => {} }, args);
      });
    const identity = service.identity.serviceCertificate;
    assert.throws(() => run([undefined, identity]), { code: 'InvalidInput' });
    assert.throws(() => run([null, utf8Encode(identity)]), { code: 'InvalidInput' });
    assert.throws(() => run([undefined]), { code: 'InvalidInput' });
    assert.equal(service.get('/service/info').field('status'), 'Opening');
    run([undefined, utf8Encode(identity)]);
    assert.equal(service.get('/service/info').field('status'), 'Open');
  });
});
