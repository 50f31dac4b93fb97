/**
 * The numbers of GET /node/metrics: CCF's sessions, and those of metric-table.ts without their
 * prefix. GET /node/metrics/prometheus has the same for Prometheus.
 */

import type { JsonValue } from '@coco/base';
import type { HttpListener } from '@coco/http';
import {
  encodePrometheus,
  type MeasuredNode,
  type MetricSample,
  type MetricValue,
  sampleMetrics,
} from '@coco/monitor';
import type { HistogramMeasures } from '@coco/replication';

type Listeners = ReadonlyMap<string, HttpListener>;

export function collectMetrics(node: MeasuredNode & { readonly listeners: Listeners }): JsonValue {
  const values = sampleMetrics(node).flatMap(({ name, value }) =>
    value === undefined ? [] : [[name.replace(/^coco_/, ''), jsonOf(value)] as const],
  );
  return { sessions: sessionsOf(node.listeners), ...Object.fromEntries(values) };
}

export function prometheusMetrics(node: MeasuredNode & { readonly listeners: Listeners }): string {
  const active = new Map<string, number>();
  for (const [name, listener] of node.listeners) active.set(name, listener.connections().active);
  const sessions: MetricSample = {
    name: 'coco_sessions',
    type: 'gauge',
    label: 'interface',
    help: 'Connections of clients.',
    value: active,
  };
  return encodePrometheus([...sampleMetrics(node), sessions]);
}

function jsonOf(value: NonNullable<MetricValue>): JsonValue {
  if (typeof value === 'number') return value;
  if (value instanceof Map) return Object.fromEntries(value) as JsonValue;
  const { count, sum } = value as HistogramMeasures;
  return { count, sum };
}

function sessionsOf(listeners: Listeners): JsonValue {
  const interfaces: Record<string, JsonValue> = {};
  let active = 0;
  // Of all interfaces together: their peaks need not have come at one time.
  let peak = 0;
  for (const [name, listener] of listeners) {
    const counted = listener.connections();
    interfaces[name] = {
      active: counted.active,
      peak: counted.peak,
      soft_cap: counted.softMax,
      hard_cap: counted.hardMax,
    };
    active += counted.active;
    peak += counted.peak;
  }
  return { active, peak, interfaces };
}
