import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { judgeNetwork, lagOf } from '../src/network-health.ts';
import { readNetworkStatus } from '../src/network-status.ts';
import { reportStatus } from '../src/status-report.ts';
import { type FakeNode, fakeNetwork, nodeIds, nowMs, threeNodes } from './fake-network.ts';

const [a = '', b = '', c = ''] = nodeIds;

async function judge(nodes: readonly FakeNode[], ...service: [] | [object]) {
  const { client, visit } = await fakeNetwork(nodes, ...service);
  const status = await readNetworkStatus(client, { visit, nowMs });
  const judged = judgeNetwork(status);
  const codes = judged.warnings.map(({ code }) => code);
  return { status, judged, codes, text: reportStatus(status, judged) };
}

describe('the status of a network', () => {
  test('of three nodes that agree is healthy, and says how many may fail', async () => {
    const { status, judged, codes, text } = await judge(threeNodes());
    assert.deepEqual([judged.health, codes], ['healthy', []]);
    assert.deepEqual([judged.primary?.nodeId, judged.commit], [a, { view: 2, seqno: 120 }]);
    assert.deepEqual([judged.answeringCount, judged.trustedCount, judged.spareCount], [3, 3, 1]);
    assert.deepEqual(
      status.nodes.map((node) => lagOf(node, judged.commit)),
      [0, 1, 2],
    );
    assert.deepEqual([status.activeMemberCount, status.memberCount], [1, 2]);
    assert.match(text, /^healthy: the service is Open, 3 of 3 nodes answer, 1 more may fail\.$/m);
    assert.match(text, /^ {2}aaaaaaaa… +primary +PartOfNetwork +2 +2\.120 +0 +200 MiB +89 d/m);
    assert.match(text, /^ {2}cccccccc… +backup +PartOfNetwork +2 +2\.118 +2 .*127\.0\.0\.1:8002$/m);
    assert.match(text, /no open proposal/);
  });

  test('of one node is healthy, and promises nothing', async () => {
    const [only] = threeNodes();
    const { judged, text } = await judge([only], { open: ['f'.repeat(64)] });
    assert.deepEqual([judged.health, judged.spareCount], ['healthy', 0]);
    assert.match(text, /1 of 1 nodes answer\.$/m);
    assert.match(text, /open proposals: ffffffff… \(coco proposal show\)/);
  });

  test('with a silent backup is degraded, and says that no more may fail', async () => {
    const { judged, codes, text } = await judge(
      threeNodes({}, {}, { failure: 'ServiceUnreachable' }),
    );
    assert.deepEqual([judged.health, codes], ['degraded', ['NodeSilent']]);
    assert.match(text, /2 of 3 nodes answer, no more may fail/);
    assert.match(text, /^ {2}cccccccc… +- +SILENT/m);
    assert.match(
      text,
      /! Node cccccccc… at https:\/\/127\.0\.0\.1:8002 does not answer: It said no/,
    );
    assert.match(text, /transition_node_to_trusted, remove_node/);
  });

  test('without a majority, or without a primary, is down', async () => {
    const failure = 'ServiceUnreachable';
    const minority = await judge(threeNodes({}, { failure }, { failure }));
    assert.deepEqual([minority.judged.health, minority.codes[0]], ['down', 'NoPrimary']);
    assert.match(minority.text, /1 of 3 trusted nodes answer, 2 are needed/);
    assert.equal(minority.judged.primary, undefined);
    const primaryId = null;
    const electing = await judge(threeNodes({ primaryId }, { primaryId }, { primaryId }));
    assert.deepEqual([electing.judged.health, electing.codes], ['down', ['NoPrimary']]);
    assert.match(electing.text, /^DOWN: .*3 of 3 nodes answer\.$/m);
  });

  test('with an old primary that woke names the one of the highest view', async () => {
    const changes = [{ view: 2 }, { view: 3, primaryId: b }, { view: 3, primaryId: b }];
    const { judged, codes, text } = await judge(threeNodes(...changes));
    assert.deepEqual([judged.health, codes], ['degraded', ['SeveralPrimaries']]);
    assert.equal(judged.primary?.nodeId, b);
    assert.match(text, /in views 3, 2/);
    assert.match(text, /^ {2}aaaaaaaa… +backup/m);
  });

  test('tells a node of another service from one that is silent', async () => {
    const { codes, text } = await judge(threeNodes({}, { failure: 'ServiceNotPinned' }));
    assert.deepEqual(codes, ['NodeDisagrees']);
    assert.match(text, /Node bbbbbbbb….* does not speak for this service/);
  });

  test('takes no answer for a lost node from the one that has its address now', async () => {
    const { judged, codes, text } = await judge(threeNodes({}, {}, { port: 8000 }));
    assert.deepEqual([judged.answeringCount, judged.health], [2, 'degraded']);
    assert.equal(judged.primary?.nodeId, a);
    assert.equal(codes.length, 1, `${codes}`);
    assert.match(text, /Another node, aaaaaaaa/);
  });

  test('asks neither nodes that wait nor nodes that were retired', async () => {
    const failure = 'ServiceUnreachable';
    const { judged, codes, text } = await judge(
      threeNodes({}, { status: 'Pending', failure }, { status: 'Retired', failure }),
    );
    assert.deepEqual([judged.health, codes], ['degraded', ['NodePending']]);
    assert.equal(judged.trustedCount, 1);
    assert.ok(text.includes(`--action transition_node_to_trusted --arg node_id=${b}`));
    assert.doesNotMatch(text, /cccccccc/);
    assert.match(text, /former +1 node\(s\) that were removed/);
  });

  test('warns of nodes that are behind, not ready or short, that differ, or whose certificate ends', async () => {
    const first = { seqno: 5_000 };
    const cases: readonly (readonly [string, Partial<FakeNode>, RegExp])[] = [
      ['NodeBehind', { seqno: 10 }, /Node bbbbbbbb… is 4990 transactions behind/],
      ['NodeNotReady', { seqno: 5_000, state: 'ReadingPrivateLedger' }, /ReadingPrivateLedger/],
      ['NodeCertificateEnds', { seqno: 5_000, days: 20 }, /valid for 19 more days/],
      ['CodeDiffers', { seqno: 5_000, measurement: '2'.repeat(64) }, /2 different programs/],
      ['NodeWithoutAddress', { port: 0 }, /no address/],
      ['NodeDisk', { seqno: 5_000, metrics: { disk_level: 3 } }, /its disk is scarce/],
      ['NodeMemory', { seqno: 5_000, metrics: { memory_level: 1 } }, /its memory is low/],
      ['NodeTrouble', { seqno: 5_000, metrics: { troubles: { clockSkew: 1 } } }, /: clockSkew\./],
    ];
    for (const [code, change, sentence] of cases) {
      const { judged, codes, text } = await judge(threeNodes(first, change, { seqno: 5_000 }));
      assert.deepEqual([judged.health, codes], ['degraded', [code]], code);
      assert.match(text, sentence);
    }
    const { codes } = await judge(threeNodes(), { status: 'Recovering', days: 10 });
    assert.deepEqual(codes, ['ServiceNotOpen', 'ServiceCertificateEnds']);
    assert.notEqual(c, '');
  });

  test('has a page that explains every warning, and no other', async () => {
    const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');
    const page = await read('../../../docs/operations/status.md');
    const explained = [...page.matchAll(/^\| ([A-Z]\w+) \|/gm)].map(([, code]) => code);
    const source = await read('../src/network-health.ts');
    const given = [...source.matchAll(/code: '(\w+)'/g)].map(([, code]) => code);
    assert.ok(given.length >= 12);
    assert.deepEqual(explained.toSorted(), given.toSorted());
  });
});
