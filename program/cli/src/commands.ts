/** Every command of the program. */

import { auditCommand } from './audit-command.ts';
import { ballotShowCommand, ballotSubmitCommand } from './ballot-command.ts';
import type { Command } from './command-line.ts';
import { demoCommand } from './demo-command.ts';
import { governanceHistoryCommand, governanceShowCommand } from './governance-command.ts';
import {
  memberActivateCommand,
  memberCreateCommand,
  memberListCommand,
  memberShowCommand,
} from './member-command.ts';
import { nodeCommand } from './node-command.ts';
import { operatorViewCommand } from './operator-view-command.ts';
import {
  proposalCreateCommand,
  proposalListCommand,
  proposalShowCommand,
  proposalWatchCommand,
  proposalWithdrawCommand,
} from './proposal-command.ts';
import { receiptVerifyCommand } from './receipt-command.ts';
import {
  recoveryShareCommand,
  recoveryStatusCommand,
  recoverySubmitCommand,
} from './recovery-command.ts';
import {
  rulesCheckCommand,
  rulesCompileCommand,
  rulesDiffCommand,
  rulesExplainCommand,
} from './rules-command.ts';
import { rulesSimulateCommand } from './rules-simulate-command.ts';
import { sandboxCommand } from './sandbox-command.ts';
import { transferCommand } from './transfer-command.ts';

export const commands: readonly Command[] = [
  sandboxCommand,
  transferCommand,
  receiptVerifyCommand,
  operatorViewCommand,
  auditCommand,
  demoCommand,
  memberCreateCommand,
  memberShowCommand,
  memberListCommand,
  memberActivateCommand,
  proposalCreateCommand,
  proposalListCommand,
  proposalShowCommand,
  proposalWatchCommand,
  proposalWithdrawCommand,
  ballotSubmitCommand,
  ballotShowCommand,
  recoveryStatusCommand,
  recoveryShareCommand,
  recoverySubmitCommand,
  governanceShowCommand,
  governanceHistoryCommand,
  rulesCheckCommand,
  rulesExplainCommand,
  rulesDiffCommand,
  rulesSimulateCommand,
  rulesCompileCommand,
  nodeCommand,
];
