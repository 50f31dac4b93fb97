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
  return commonTexts(left, right).some(
    (text) => literalMatches(text, left) && literalMatches(text, right),
  );
}

/**
 * Texts of which one matches both segments if any does. A common text begins with the longer prefix
 * and ends with the longer suffix; what stands between belongs to both values, so that one letter
 * does as well, and where nothing does, prefix and suffix may share letters.
 */
function commonTexts(left: Segment, right: Segment): readonly string[] {
  const prefix = longer(left.prefix, right.prefix);
  const suffix = longer(left.suffix, right.suffix);
  const texts = [`${prefix}x${suffix}`];
  for (let shared = 0; shared <= Math.min(prefix.length, suffix.length); shared++) {
    if (prefix.endsWith(suffix.slice(0, shared))) texts.push(prefix + suffix.slice(shared));
  }
  return texts;
}

function longer(left: string, right: string): string {
  return left.length > right.length ? left : right;
}

function literalMatches(literal: string, segment: Segment): boolean {
  const template = { text: '', segments: [segment], names: [] };
  return matchPathTemplate(template, `/${literal}`) !== undefined;
}
