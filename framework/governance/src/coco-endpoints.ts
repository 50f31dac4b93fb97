/**
 * What Coco's own tables say, for anybody, beside CCF's reads: the rules in force and what hangs on
 * them, a proposal's times, and how far a recovery has come. Everything of it stands in clear in
 * the ledger.
 */
import type { JsonValue } from '@coco/base';
import { type Endpoint, endpointError, jsonResponse } from '@coco/endpoint';
import {
  adapterSettings,
  ledgerClock,
  proposalTimes,
  type RecoveryRow,
  recoveryRecord,
  rulesInForce,
} from './coco-tables.ts';
import { governanceError } from './errors.ts';
import { governanceRead, pathId } from './governance-endpoint.ts';
import { standingPermissions } from './standing-permissions.ts';
import { serviceConfig, submittedShares } from './tables.ts';

export function cocoEndpoints(): readonly Endpoint[] {
  return [
    governanceRead('/service/rules', { summary: 'The rules document in force' }, (view) =>
      jsonResponse({
        // Without a row those count that the constitution begins with.
        rules: rulesInForce.get(view) ?? null,
        standingPermissions: Object.fromEntries(standingPermissions.rows(view)),
        adapters: Object.fromEntries(adapterSettings.rows(view)),
        timeMs: ledgerClock.get(view) ?? null,
      }),
    ),
    governanceRead(
      '/members/proposals/{proposalId}/times',
      { summary: 'When a proposal was submitted, and when it is resolved again' },
      (view, call) => {
        const proposalId = pathId(call, 'proposalId');
        const times = proposalTimes.get(view, proposalId);
        if (!times) {
          throw governanceError('ProposalNotFound', `Could not find proposal ${proposalId}.`);
        }
        return jsonResponse({
          proposalId,
          submittedAtMs: times.submitted_at_ms,
          ...(times.wake_at_ms === undefined ? {} : { nextResolutionAtMs: times.wake_at_ms }),
        });
      },
    ),
    governanceRead(
      '/service/recovery',
      { summary: 'Where the last recovery took the ledger up, and whether commits may be missing' },
      (view) => {
        const record = recoveryRecord.get(view);
        if (!record) {
          throw endpointError(
            'ResourceNotFound',
            'This service was not recovered, or by an older version.',
          );
        }
        return jsonResponse(recoveryBody(record));
      },
    ),
    governanceRead(
      '/recovery/submitted-shares',
      { summary: 'How many recovery shares were submitted, and by whom' },
      (view) => {
        const memberIds = submittedShares.keys(view);
        return jsonResponse({
          submittedCount: memberIds.length,
          recoveryThreshold: serviceConfig.require(view).recovery_threshold,
          memberIds: [...memberIds],
        });
      },
    ),
  ];
}

function recoveryBody(record: RecoveryRow): JsonValue {
  return {
    recoveredTo: record.recovered_to,
    mayLackCommits: record.may_lack_commits,
    lookedAt: [...record.looked_at],
    mayHaveVoted: [...record.may_have_voted],
    ...(record.begins_after !== undefined && { beginsAfter: record.begins_after }),
  };
}
