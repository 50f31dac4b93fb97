/**
 * One open node for all tests of this process that need one and disturb no other: it keeps notes
 * and tells callers who they are. To start a node takes seconds of the processor's time.
 */
import { after } from 'node:test';
import { mirrorEndpoints } from './mirror-endpoints.ts';
import { NodeHarness } from './node-harness.ts';
import { createNotesAdapter } from './notes-adapter.ts';

let opened: Promise<NodeHarness> | undefined;

async function open(): Promise<NodeHarness> {
  const harness = await NodeHarness.create(() => {
    const notes = createNotesAdapter();
    return { ...notes, endpoints: [...notes.endpoints, ...mirrorEndpoints] };
  });
  await harness.start();
  await harness.openService();
  return harness;
}

/** Ends with the process's tests. */
export function sharedNode(): Promise<NodeHarness> {
  opened ??= open();
  return opened;
}

after(async () => {
  await (await opened)?.remove();
});
