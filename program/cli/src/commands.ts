/** Every command of the program. */
import type { Command } from './command-line.ts';
import { demoCommand } from './demo-command.ts';
import {
  memberActivateCommand,
  memberCreateCommand,
  memberListCommand,
  memberShowCommand,
} from './member-command.ts';
import { nodeCommand } from './node-command.ts';
import { operatorViewCommand } from './operator-view-command.ts';
import { receiptVerifyCommand } from './receipt-command.ts';
import { sandboxCommand } from './sandbox-command.ts';
import { transferCommand } from './transfer-command.ts';

export const commands: readonly Command[] = [
  sandboxCommand,
  transferCommand,
  receiptVerifyCommand,
  operatorViewCommand,
  demoCommand,
  memberCreateCommand,
  memberShowCommand,
  memberListCommand,
  memberActivateCommand,
  nodeCommand,
];
