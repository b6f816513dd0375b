/** `14:05:09.123`, in the browser's own zone. */
export function clock(iso: string): string {
  const at = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** `12 ms`, `1.4 s`; a dash for what is not known. */
export function span(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** `1,234`, `12.3k`, `1.2M`. */
export function short(count: number | null | undefined): string {
  if (count === null || count === undefined) return '–';
  if (count < 10_000) return count.toLocaleString('en');
  return count < 1_000_000 ? `${(count / 1000).toFixed(1)}k` : `${(count / 1_000_000).toFixed(1)}M`;
}
