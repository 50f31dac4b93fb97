/** One line that lives while a large ledger is read; nothing where nobody looks. */
import type { AuditProgress } from '@coco/audit';
import type { Terminal } from './steps.ts';

/** Often enough to look alive, seldom enough to cost nothing. */
const redrawMs = 250;

/** Draws on the terminal; `end` takes the line away. */
export function auditProgress(
  terminal: Terminal,
  nowMs: () => number,
): { readonly show: (progress: AuditProgress) => void; readonly end: () => void } {
  const startedMs = nowMs();
  let drawnMs = startedMs;
  let width = 0;
  const draw = (text: string): void => {
    terminal.write(`\r${text.padEnd(width)}`);
    width = text.length;
  };
  return {
    show: (progress) => {
      const atMs = nowMs();
      if (!terminal.isInteractive || atMs - drawnMs < redrawMs) return;
      drawnMs = atMs;
      draw(progressText(progress, atMs - startedMs));
    },
    end: () => {
      if (width > 0) terminal.write(`\r${' '.repeat(width)}\r`);
      width = 0;
    },
  };
}

export function progressText(progress: AuditProgress, elapsedMs: number): string {
  const { entryCount, bytesRead, bytesTotal } = progress;
  const part = bytesTotal === 0 ? 1 : Math.min(1, bytesRead / bytesTotal);
  const rate = Math.round((entryCount / Math.max(1, elapsedMs)) * 1000);
  const left = part === 0 ? 0 : Math.round((elapsedMs / part - elapsedMs) / 1000);
  const number = (value: number): string => value.toLocaleString('en-US');
  const percent = `${Math.floor(part * 100)}`.padStart(3);
  return `  ${percent} %  ${number(entryCount)} entries, ${number(rate)}/s, about ${left} s left`;
}
