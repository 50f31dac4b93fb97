/** The door of @coco/constitution. */
export type { ActionName } from './action-names.ts';
export { actionNames } from './action-names.ts';
export { createConstitution } from './create-constitution.ts';
