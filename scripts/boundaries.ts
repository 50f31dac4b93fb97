/**
 * Import boundaries, checked by dependency-cruiser with the rules of .dependency-cruiser.mjs.
 * A checker that looked at nothing says nothing, so this one also counts: every source file of
 * every room must have been read.
 */
import { join } from 'node:path';
import { listFiles, listRooms, root } from './rooms.ts';
import { type Outcome, runQuietly } from './run.ts';

interface Report {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
      readonly cycle?: readonly { readonly name: string }[];
    }[];
  };
}

/** Checks all rooms of the repository. */
export function checkBoundaries(): Outcome {
  const rooms = listRooms();
  const sources = rooms.flatMap((room) => listFiles(`${room}/src`, '.ts'));
  return cruise(root, [...rooms, 'scripts'], sources);
}

/**
 * Cruises `folders` below `base` with the repository's rules and compares what was read with
 * `expected`. Status 0 means: every expected file was read and no rule is broken.
 */
export function cruise(
  base: string,
  folders: readonly string[],
  expected: readonly string[],
): Outcome {
  const { output } = runQuietly(
    process.execPath,
    [
      ...['--import', join(root, 'scripts/typescript-six.mjs')],
      join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'),
      ...['--config', join(root, '.dependency-cruiser.mjs'), '--output-type', 'json'],
      ...folders,
    ],
    base,
  );
  const report = parseReport(output);
  if (report === undefined) return { status: 1, output };
  const read = new Set(report.modules.map((module) => module.source));
  const missed = expected.filter((file) => !read.has(file));
  const findings = report.summary.violations.map(({ from, to, rule, cycle }) => {
    const way = cycle === undefined ? to : cycle.map((step) => step.name).join(' -> ');
    return `${rule.name}: ${from} -> ${way}`;
  });
  if (read.size === 0 || expected.length === 0) findings.push('No module was read at all.');
  findings.push(...missed.map((file) => `${file} was not read by dependency-cruiser.`));
  if (findings.length > 0) return { status: 1, output: findings.join('\n') };
  return { status: 0, output: `${read.size} modules, no violation` };
}

/** The tool's JSON begins at the first brace; a user's npm settings may warn before it. */
function parseReport(output: string): Report | undefined {
  try {
    const report: Report = JSON.parse(output.slice(output.indexOf('{')));
    return report;
  } catch {
    return undefined;
  }
}
