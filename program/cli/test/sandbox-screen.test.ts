import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asSeqno, asView } from '@coco/base';
import { LiveBlock } from '../src/live-block.ts';
import { NodeFolder } from '../src/node-folder.ts';
import type { NodeReading } from '../src/node-reading.ts';
import { drawNodes, leaderOf, type NodeRow } from '../src/sandbox-screen.ts';

function row(at: number, said?: { primary: number; view: number; seqno: number }): NodeRow {
  const node = {
    folder: new NodeFolder('/sandbox', `node${at}`),
    nodeId: `id${at}`,
    pid: 100 + at,
    httpsUrl: `https://127.0.0.1:800${at}`,
    rpcUrl: `http://127.0.0.1:854${at}`,
  };
  if (!said) return { node, reading: undefined };
  const reading: NodeReading = {
    nodeId: node.nodeId,
    state: 'PartOfNetwork',
    serviceStatus: 'Open',
    view: said.view,
    primaryId: `id${said.primary}`,
    commit: { view: asView(said.view), seqno: asSeqno(said.seqno) },
    metrics: {},
  };
  return { node, reading };
}

describe('the sandbox’s screen', () => {
  test('shows each node with role, place in the ledger, ports and process', () => {
    const rows = [
      row(0, { primary: 1, view: 4, seqno: 90 }),
      row(1, { primary: 1, view: 4, seqno: 100 }),
      row(2),
    ];
    assert.deepEqual(drawNodes(rows), [
      '  node   role     view  commit  lag  json-rpc  https  pid',
      '  node0  backup   4     4.90    10   8540      8000   100',
      '  node1  primary  4     4.100   0    8541      8001   101',
      '  node2  silent                      8542      8002   102',
    ]);
  });

  test('names as primary the one of the newest view, or nobody', () => {
    const old = row(0, { primary: 0, view: 2, seqno: 9 });
    const present = row(1, { primary: 1, view: 3, seqno: 9 });
    assert.equal(leaderOf([old, present])?.node.nodeId, 'id1');
    assert.equal(leaderOf([old])?.node.nodeId, 'id0');
    assert.equal(leaderOf([row(0, { primary: 1, view: 3, seqno: 9 }), row(1)]), undefined);
  });

  test('draws its lines anew below what scrolls, and wraps none', () => {
    let written = '';
    const terminal = {
      isInteractive: true,
      columns: 12,
      write: (text: string) => void (written += text),
    };
    const block = new LiveBlock(terminal);
    const takeWritten = (): string => {
      const text = written;
      written = '';
      return text;
    };
    block.print('first');
    assert.equal(takeWritten(), 'first\n');
    block.draw(['one', 'a line that is too long']);
    assert.equal(takeWritten(), 'one\na line that\n');
    block.draw(['two']);
    assert.equal(takeWritten(), '\u001b[2A\r\u001b[Jtwo\n');
    block.print('an event');
    assert.equal(takeWritten(), '\u001b[1A\r\u001b[Jan event\ntwo\n');
  });
});
