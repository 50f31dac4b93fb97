/** The opening of a sandbox's service by its members, at the node that began or recovered it. */
import { connect, forgetfulMemory } from '@coco/sdk';
import type { SandboxFolder } from './sandbox-folder.ts';
import { confirmIdentity, rememberOpening, sandboxMembers } from './sandbox-keys.ts';
import { Consortium } from './sandbox-member.ts';
import type { SandboxNode } from './sandbox-node.ts';

/** `previous` is the identity that a recovered service had; undefined for a new service. */
export async function openService(
  folder: SandboxFolder,
  node: SandboxNode,
  previous: string | undefined,
): Promise<void> {
  const root = await folder.readDevelopmentRoot();
  const client = await connect({
    url: node.httpsUrl,
    pin: { developmentRoot: root.publicPem },
    memory: forgetfulMemory(),
    isUnopenedAccepted: true,
  });
  try {
    const members = await Consortium.assemble(client, await sandboxMembers(folder));
    const next = client.serviceCertificate;
    await rememberOpening(folder, { previous, next });
    if (previous === undefined) await members.activate();
    await members.openService({ next, previous });
    if (previous !== undefined) await members.submitShares();
    await members.waitUntilOpen();
    await confirmIdentity(folder);
  } finally {
    client.close();
  }
}
