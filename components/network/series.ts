import type { TrafficView } from '../../shared/egress-views';

const MINUTE_S = 60;

/** Columns for the chart; a minute without a row had no traffic, or the sandbox did not run: nothing is drawn there. */
export function withGaps(series: TrafficView['series']): (number | null)[][] {
  const at: number[] = [];
  const rx: (number | null)[] = [];
  const tx: (number | null)[] = [];
  for (const it of series) {
    const seconds = Date.parse(it.at) / 1000;
    const last = at.at(-1);
    if (last !== undefined && seconds - last > MINUTE_S * 2) {
      at.push(last + MINUTE_S);
      rx.push(null);
      tx.push(null);
    }
    at.push(seconds);
    rx.push(it.rxBytes / MINUTE_S);
    tx.push(it.txBytes / MINUTE_S);
  }
  return [at, rx, tx];
}
