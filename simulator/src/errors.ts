/** The codes of @coco/simulator. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

const simulatorError: (
  code: 'SimulationFailed',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  SimulationFailed: {
    kind: 'fault',
    status: 500,
    meaning: 'A simulated cluster broke a rule; the message names it, the seed replays it.',
  },
});

/** Stops the run unless the rule holds. @throws SimulationFailed */
export function check(holds: boolean, rule: string): void {
  if (!holds) throw simulatorError('SimulationFailed', rule);
}
