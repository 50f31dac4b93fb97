/**
 * What a constitution must export: CCF's three functions with CCF's numbers of parameters. The
 * texts are those that its scripts show to members.
 */

const path = 'proposed constitution';

const shape: readonly {
  readonly name: string;
  readonly required: readonly string[];
  readonly optional: readonly string[];
}[] = [
  { name: 'apply', required: ['proposal', 'proposerId'], optional: [] },
  { name: 'resolve', required: ['proposal', 'proposerId', 'votes'], optional: ['proposalId'] },
  { name: 'validate', required: ['input'], optional: [] },
];

/**
 * What is wrong with a module's exports, as a refusal for the prelude; empty when nothing is.
 * @param lengthOf the `length` of an exported function; undefined when there is no such function
 */
export function shapeRefusal(lengthOf: (name: string) => number | undefined): string {
  for (const { name, required, optional } of shape) {
    const length = lengthOf(name);
    if (length === undefined) return `T${path} does not export a function named ${name}`;
    if (length >= required.length && length <= required.length + optional.length) continue;
    const names = [...required, ...optional.map((one) => `[${one}]`)].join(', ');
    const expected =
      optional.length === 0
        ? `${counted(required.length)} (${names})`
        : `between ${required.length} and ${counted(required.length + optional.length)} (${names})`;
    return `T${path} exports function ${name} with ${counted(length)}, expected ${expected}`;
  }
  return '';
}

export function unloadableRefusal(reason: string): string {
  return `T${path} does not export a function named ${shape[0]?.name}: ${reason}`;
}

function counted(count: number): string {
  return `${count} ${count === 1 ? 'arg' : 'args'}`;
}
