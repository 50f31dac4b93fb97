/** Metrics as text that Prometheus scrapes. Source: its text exposition format, version 0.0.4. */

import type { HistogramMeasures } from '@coco/replication';

export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

/** One value, or one for each value of the label. */
export type MetricValue = number | ReadonlyMap<string, number> | HistogramMeasures | undefined;

export interface MetricSample {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** The label of a metric that has several values. */
  readonly label: string | undefined;
  readonly value: MetricValue;
}

export function encodePrometheus(samples: readonly MetricSample[]): string {
  const lines: string[] = [];
  for (const sample of samples) {
    const series = linesOf(sample);
    if (series.length === 0) continue;
    const { name, type, help } = sample;
    lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...series);
  }
  return `${lines.join('\n')}\n`;
}

function linesOf({ name, label = 'name', value }: MetricSample): readonly string[] {
  if (value === undefined) return [];
  if (typeof value === 'number') return [`${name} ${value}`];
  if (value instanceof Map) {
    return [...value].map(([key, number]) => `${name}{${label}="${escapeLabel(key)}"} ${number}`);
  }
  const { buckets, count, sum } = value as HistogramMeasures;
  return [
    ...buckets.map(([bound, below]) => `${name}_bucket{le="${bound}"} ${below}`),
    `${name}_bucket{le="+Inf"} ${count}`,
    `${name}_sum ${sum}`,
    `${name}_count ${count}`,
  ];
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
