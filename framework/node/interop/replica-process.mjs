/** One replica in a process of its own, told what to do by the test that forked it. */
import { readFile } from 'node:fs/promises';
import { loadRaftModule, raftModuleHashUrl, raftModuleUrl } from '@coco/consensus';
import { ReplicaClient } from '../src/replica-client.ts';

let client;

async function start({ peerListen, ...options }) {
  const hash = await readFile(raftModuleHashUrl, 'utf8');
  const raftModule = await loadRaftModule(await readFile(raftModuleUrl), hash);
  const tell = (kind) => (value) => process.send({ kind, value });
  client = await ReplicaClient.open({ peerListen });
  await client.start(
    { ...options, raftModule },
    {
      onRole: tell('role'),
      onCommitted: tell('committed'),
      onFollowed: tell('followed'),
      onInstall: tell('install'),
      onConfiguration: tell('configuration'),
      onPassOn: tell('passOn'),
      onRemoved: tell('removed'),
      onStorage: tell('storage'),
      onPeers: tell('peers'),
      onFailed: (error) =>
        process.send({ kind: 'failed', value: `${error.code}: ${error.message}` }),
    },
  );
  return client.peerAddress;
}

const calls = {
  start,
  // What comes from another process lies in an array with more in it.
  propose: async (batch) =>
    client.propose({ ...batch, body: new Uint8Array(batch.body) }, batch.kind),
  setMembers: async (members) => client.setMembers(members),
  handOver: (to) => client.handOver(to),
  readIndex: () => client.readIndex(),
};

process.on('message', ({ request, name, argument }) => {
  calls[name](argument).then(
    (value) => process.send({ kind: 'answer', request, value }),
    (error) => process.send({ kind: 'answer', request, code: error.code ?? String(error) }),
  );
});
// Nobody is left to speak to.
process.on('disconnect', () => process.exit());
