/**
 * Templates of paths: `/gov/members/{memberId}:ack`. A name in braces stands for one or more
 * characters of its segment other than `/` and `:`, so that `{id}` and `{id}:ack` never match the
 * same path. A segment holds at most one name.
 */
import { assert } from '@coco/base';

interface Segment {
  readonly prefix: string;
  /** undefined: the segment is `prefix` literally. */
  readonly name: string | undefined;
  readonly suffix: string;
}

export interface PathTemplate {
  readonly text: string;
  readonly segments: readonly Segment[];
  readonly names: readonly string[];
}

/** Parses a template that a room offers; a wrong one is a bug of that room. */
export function parsePathTemplate(text: string): PathTemplate {
  assert(text.startsWith('/'), `the path template ${text} starts with a slash`);
  const segments = text.slice(1).split('/').map(parseSegment);
  const names = segments.flatMap((segment) => segment.name ?? []);
  assert(new Set(names).size === names.length, `the names in ${text} differ`);
  return { text, segments, names };
}

function parseSegment(text: string): Segment {
  const match = /^([^{}]*)\{([A-Za-z][A-Za-z0-9_]*)\}([^{}]*)$/.exec(text);
  assert(match !== null || !/[{}]/.test(text), `the segment ${text} holds at most one {name}`);
  if (!match) return { prefix: text, name: undefined, suffix: '' };
  return { prefix: match[1] ?? '', name: match[2], suffix: match[3] ?? '' };
}

/** The values of the template's names, or undefined when the path does not match. */
export function matchPathTemplate(
  template: PathTemplate,
  path: string,
): ReadonlyMap<string, string> | undefined {
  const parts = path.slice(1).split('/');
  if (parts.length !== template.segments.length) return undefined;
  const values = new Map<string, string>();
  for (const [at, segment] of template.segments.entries()) {
    const part = parts[at] ?? '';
    if (segment.name === undefined) {
      if (part !== segment.prefix) return undefined;
      continue;
    }
    const { prefix, suffix } = segment;
    const value = part.slice(prefix.length, part.length - suffix.length);
    const isMatch =
      part.length > prefix.length + suffix.length &&
      part.startsWith(prefix) &&
      part.endsWith(suffix) &&
      !value.includes(':');
    if (!isMatch) return undefined;
    values.set(segment.name, value);
  }
  return values;
}

/** Whether some path matches both templates; exact paths are templates without names. */
export function templatesOverlap(left: PathTemplate, right: PathTemplate): boolean {
  if (left.segments.length !== right.segments.length) return false;
  return left.segments.every((segment, at) => {
    const other = right.segments[at];
    return other !== undefined && segmentsOverlap(segment, other);
  });
}

function segmentsOverlap(left: Segment, right: Segment): boolean {
  if (left.name === undefined && right.name === undefined) return left.prefix === right.prefix;
  if (left.name === undefined) return literalMatches(left.prefix, right);
  if (right.name === undefined) return literalMatches(right.prefix, left);
  const prefixRest = restOf(left.prefix, right.prefix, 'start');
  const suffixRest = restOf(left.suffix, right.suffix, 'end');
  // A value never holds a colon: what one template has beyond the other must fit into a value.
  return (
    prefixRest !== undefined &&
    suffixRest !== undefined &&
    !prefixRest.includes(':') &&
    !suffixRest.includes(':')
  );
}

function literalMatches(literal: string, segment: Segment): boolean {
  const template = { text: '', segments: [segment], names: [] };
  return matchPathTemplate(template, `/${literal}`) !== undefined;
}

/** What the longer of two texts has beyond the shorter; undefined when they are at odds. */
function restOf(left: string, right: string, side: 'start' | 'end'): string | undefined {
  const [short, long] = left.length <= right.length ? [left, right] : [right, left];
  if (side === 'start') return long.startsWith(short) ? long.slice(short.length) : undefined;
  return long.endsWith(short) ? long.slice(0, long.length - short.length) : undefined;
}
