/** Every command of the program. */
import type { Command } from './command-line.ts';
import { nodeCommand } from './node-command.ts';
import { sandboxCommand } from './sandbox-command.ts';

export const commands: readonly Command[] = [sandboxCommand, nodeCommand];
