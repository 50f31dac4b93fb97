import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { peersError } from '../src/errors.ts';
import { PeerJournal, type PeerReport } from '../src/peer-journal.ts';

describe('the journal of the peer channel', () => {
  function open(): { journal: PeerJournal; taken: () => readonly PeerReport[] } {
    const reports: PeerReport[] = [];
    const journal = new PeerJournal((report) => reports.push(report));
    return { journal, taken: () => reports.splice(0) };
  }
  const lost = peersError('PeerLost', 'lost');
  const unreachable = peersError('PeerUnreachable', 'unreachable');

  test('tells of a link that comes and goes once, however often it is dialled', () => {
    const { journal, taken } = open();
    journal.note({ kind: 'up', id: 2 });
    journal.note({ kind: 'lost', id: 2, error: lost });
    for (let attempt = 0; attempt < 100; attempt++) {
      journal.note({ kind: 'lost', id: 2, error: unreachable });
    }
    journal.note({ kind: 'lost', id: 3, error: unreachable });
    journal.note({ kind: 'up', id: 2 });
    assert.deepEqual(taken(), [
      { kind: 'up', id: 2 },
      { kind: 'lost', id: 2, code: 'PeerLost' },
      { kind: 'lost', id: 2, code: 'PeerUnreachable' },
      { kind: 'lost', id: 3, code: 'PeerUnreachable' },
      { kind: 'up', id: 2 },
    ]);
  });

  test('counts strangers, and tells of them and of peers that misbehave on its beat', () => {
    const { journal, taken } = open();
    for (let count = 0; count < 1000; count++) {
      journal.note({ kind: 'refused', error: peersError('PeerNotTrusted', 'stranger') });
      journal.note({ kind: 'left', id: 4, error: peersError('PeerFrameTooLong', 'long') });
      journal.note({ kind: 'left', id: 5, error: lost });
    }
    assert.deepEqual(taken(), []);
    journal.beat();
    assert.deepEqual(taken(), [
      { kind: 'cut', id: 4, code: 'PeerFrameTooLong' },
      { kind: 'refused', count: 1000, code: 'PeerNotTrusted' },
    ]);
    journal.beat();
    assert.deepEqual(taken(), []);
  });
});
