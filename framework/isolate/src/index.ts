/** The door of @coco/isolate. */
export { isolateError } from './errors.ts';
export { FrameReader, frame, frameHeadBytes, frameLength } from './frame-reader.ts';
export { InProcessScriptRunner } from './in-process-runner.ts';
export type { FromIsolate, ToIsolate } from './isolate-message.ts';
export {
  decodeFromIsolate,
  decodeToIsolate,
  encodeFromIsolate,
  encodeToIsolate,
  fromIsolateBytesMax,
  toIsolateBytesMax,
} from './isolate-message.ts';
export type { MapPermission } from './map-permission.ts';
export { mapPermission } from './map-permission.ts';
export type {
  ScriptAccess,
  ScriptCall,
  ScriptContext,
  ScriptFunction,
  ScriptLimits,
  ScriptMap,
  ScriptOutcome,
  ScriptRunner,
  ScriptValue,
} from './script.ts';
export { isScriptObject } from './script.ts';
export { engineUrl, ScriptEngine } from './script-engine.ts';
export { outcomeOf, programOf } from './script-program.ts';
export type { ScriptAnswer, ScriptPort, ScriptRequest } from './script-request.ts';
export type { PackedOutcome, RunEnd, ScriptProgram } from './script-run.ts';
export { ScriptServer } from './script-server.ts';
