/** The door of @coco/monitor. */
export { bugReport } from './bug-report.ts';
export { type MeasuredNode, metrics, sampleMetrics } from './metric-table.ts';
export { type NodeAlarms, startAlarms } from './node-alarms.ts';
export {
  encodePrometheus,
  type MetricSample,
  type MetricValue,
  prometheusContentType,
} from './prometheus-text.ts';
export { RequestCounts } from './request-counts.ts';
export { applyStorage } from './storage-alarm.ts';
