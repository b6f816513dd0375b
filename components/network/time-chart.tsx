'use client';

import { useEffect, useRef } from 'react';
import 'uplot/dist/uPlot.min.css';
import uPlot from 'uplot';

export interface ChartSeries {
  label: string;
  /** A custom property of the theme, such as `--accent`. */
  color: string;
  fill?: boolean;
  /** Points instead of a line. */
  points?: boolean;
}

const HEIGHT_PX = 160;
/** Fewer minutes would be drawn as hours. */
const LEAST_SPAN_S = 3600;

interface Shown {
  series: readonly ChartSeries[];
  data: readonly (readonly (number | null)[])[];
  unit: (value: number) => string;
  /** Seconds since 1970 at both ends of the axis; without it those of the data. */
  span?: readonly [from: number, to: number];
}

/**
 * Numbers over time on a canvas. `data[0]` holds seconds since 1970, the others one column a series; null is a gap.
 * Give `summary` all that a person needs who cannot see it.
 */
export function TimeChart({ summary, ...given }: Shown & { summary: string }) {
  const { series, data } = given;
  const box = useRef<HTMLDivElement>(null);
  const shown = useRef<Shown>(given);
  shown.current = given;
  const plot = useRef<uPlot | null>(null);

  useEffect(() => {
    const host = box.current;
    if (!host) return;
    let frame = 0;
    const draw = () => {
      plot.current?.destroy();
      plot.current = makePlot(host, () => shown.current);
    };
    // In a frame of its own: the size changes while the page is laid out.
    const again = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(draw);
    };
    const size = new ResizeObserver(again);
    size.observe(host);
    // The theme is a class of the root; a canvas has to be painted anew for it.
    const theme = new MutationObserver(again);
    theme.observe(document.documentElement, { attributeFilter: ['class'] });
    return () => {
      cancelAnimationFrame(frame);
      size.disconnect();
      theme.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => {
    // uPlot's type asks for mutable columns; it does not write to them.
    plot.current?.setData(data as unknown as uPlot.AlignedData);
  }, [data]);

  return (
    <figure className="grid min-w-0 gap-1.5">
      <div ref={box} style={{ height: HEIGHT_PX }} className="min-w-0 overflow-hidden" aria-hidden />
      <figcaption className="flex flex-wrap items-center gap-x-4 gap-y-1 text-ink-faint text-xs">
        {series.length > 1 &&
          series.map((it) => (
            <span key={it.label} className="flex items-center gap-1.5">
              <span aria-hidden className="size-2 rounded-full" style={{ background: `var(${it.color})` }} />
              {it.label}
            </span>
          ))}
        <span>{summary}</span>
      </figcaption>
    </figure>
  );
}

/** `now` gives what is to be drawn: the axis moves on with it. */
function makePlot(host: HTMLElement, now: () => Shown): uPlot {
  const shown = now();
  const style = getComputedStyle(host);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--ink-faint'),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
  };
  return new uPlot(
    {
      width: Math.max(host.clientWidth, 1),
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { show: false },
      axes: [
        { ...axis, size: 28, values: (_plot, ticks) => ticks.map(clock) },
        { ...axis, size: 64, values: (_plot, ticks) => ticks.map((it) => shown.unit(it)) },
      ],
      scales: {
        x: {
          range: (_plot, from, to) => {
            const [first, last] = now().span ?? [Math.min(from, to - LEAST_SPAN_S), to];
            return [first, last];
          },
        },
        y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] },
      },
      series: [
        {},
        ...shown.series.map((it) => ({
          label: it.label,
          stroke: color(it.color),
          width: it.points ? 0 : 1.5,
          spanGaps: false,
          ...(it.fill ? { fill: `color-mix(in oklch, ${color(it.color)} 14%, transparent)` } : {}),
          points: it.points
            ? { show: true, size: 6, fill: color(it.color), stroke: color(it.color) }
            : {
                show: shown.data[0] !== undefined && shown.data[0].length < 40,
                size: 4,
                fill: color(it.color),
              },
        })),
      ],
    },
    // See above.
    shown.data as unknown as uPlot.AlignedData,
    host,
  );
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
  });
}
