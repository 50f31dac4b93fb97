/**
 * The framework's functions as a replay has them: they write nothing, because only a node with its
 * keys can, and so the tables that they write are not compared. What they return is taken from what
 * the ledger records, and has been checked there.
 */
import { nodeCertificates, nodeInfos, serviceInfo } from '@coco/governance';
import type { ScriptFunction, ScriptValue } from '@coco/isolate';
import type { EntryScene } from './entry-scene.ts';

interface Replayed {
  /** Tables below `public:ccf.gov.` that the function writes; names that begin so. */
  readonly writes: readonly string[];
  readonly call: (scene: EntryScene, args: readonly ScriptValue[]) => ScriptValue;
}

const nothing = (): ScriptValue => undefined;
const jwtTables = ['public:ccf.gov.jwt.'];

/** By path below `ccf`. */
const replayed: ReadonlyMap<string, Replayed> = new Map<string, Replayed>([
  ['node.triggerLedgerRekey', { writes: [], call: () => true }],
  ['node.triggerRecoverySharesRefresh', { writes: [], call: nothing }],
  ['node.triggerLedgerChunk', { writes: [], call: nothing }],
  ['node.triggerSnapshot', { writes: [], call: nothing }],
  // Whether an adapter takes settings only its code knows; what it keeps of them is its own.
  ['coco.checkAdapterSettings', { writes: [], call: nothing }],
  ['coco.applyAdapterSettings', { writes: [], call: nothing }],
  ['node.transitionServiceToOpen', { writes: [serviceInfo.name], call: nothing }],
  ['network.getLatestLedgerSecretSeqno', { writes: [], call: () => 0 }],
  [
    'network.generateEndorsedCertificate',
    { writes: [nodeCertificates.name], call: nodeCertificate },
  ],
  ['network.generateNetworkCertificate', { writes: [serviceInfo.name], call: serviceCertificate }],
  ['refreshAppBytecodeCache', { writes: ['public:ccf.gov.modules_quickjs_'], call: nothing }],
  ['setJwtPublicSigningKeys', { writes: jwtTables, call: nothing }],
  ['removeJwtPublicSigningKeys', { writes: jwtTables, call: nothing }],
]);

/** The certificate that the ledger holds for the node that asked with this request. */
function nodeCertificate(scene: EntryScene, [request]: readonly ScriptValue[]): ScriptValue {
  const [id] =
    nodeInfos
      .rows(scene.changes.before)
      .find(([, info]) => info.certificate_signing_request === request) ?? [];
  return id === undefined ? undefined : nodeCertificates.get(scene.changes.after, id);
}

function serviceCertificate(scene: EntryScene): ScriptValue {
  return serviceInfo.get(scene.changes.after)?.cert;
}

/** Paths below `ccf`. */
export const replayedFunctions: readonly string[] = [...replayed.keys()];

export class ReplayFunctions {
  readonly functions: ReadonlyMap<string, ScriptFunction>;
  readonly #written = new Set<string>();

  constructor(scene: EntryScene) {
    this.functions = new Map(
      [...replayed].map(([path, { writes, call }]) => [
        path,
        (args) => {
          for (const table of writes) this.#written.add(table);
          return call(scene, args);
        },
      ]),
    );
  }

  /** Whether a function that was called writes the table. */
  owns(table: string): boolean {
    return [...this.#written].some((start) => table.startsWith(start));
  }
}
