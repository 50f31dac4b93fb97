/** The door of @coco/simulator. */
export { faultKinds } from './fault-counts.ts';
export {
  type SimulationFailure,
  type SimulationOptions,
  type SimulationOutcome,
  type SimulationReport,
  sentenceOf,
  simulate,
} from './simulation.ts';
