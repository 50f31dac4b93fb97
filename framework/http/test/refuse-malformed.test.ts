import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { refuseMalformed } from '../src/refuse-malformed.ts';

const limits = { headerBytesMax: 100, headersMsMax: 10, requestMsMax: 30 };

/** What a client would get, and whether its connection ended. */
async function answerTo(code: string, isWritable = true): Promise<string> {
  let text = '';
  const socket = new Duplex({
    read: () => {},
    write: (part, _encoding, done) => {
      text += part;
      done();
    },
    final: (done) => {
      done();
      socket.destroy();
    },
  });
  if (!isWritable) socket.end();
  const closed = new Promise((done) => socket.once('close', done));
  refuseMalformed(Object.assign(new RangeError('x'), { code }), socket, limits);
  await closed;
  return text;
}

describe('bytes that are no request in time', () => {
  test('are told the limit that they broke', async () => {
    const slow = await answerTo('ERR_HTTP_REQUEST_TIMEOUT');
    assert.match(slow, /^HTTP\/1\.1 408 RequestTooSlow\r\n/);
    assert.match(slow, /"RequestTooSlow".*at most 10 ms, all of it 30 ms/);
    const large = await answerTo('HPE_HEADER_OVERFLOW');
    assert.match(large, /^HTTP\/1\.1 431 .*"RequestHeaderTooLarge".*limited to 100 bytes/s);
    const other = await answerTo('HPE_INVALID_METHOD');
    assert.match(other, /^HTTP\/1\.1 400 InvalidInput\r\ncontent-type: text\/plain\r\n/);
  });

  test('get nothing where nothing can be written', async () => {
    assert.equal(await answerTo('HPE_INVALID_METHOD', false), '');
  });
});
