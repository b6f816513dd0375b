/** Times as people say them. All take ISO strings or milliseconds. */

const units = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const;

/** `3d 4h`, `12m 5s`, `0s`: the two largest units. */
export function duration(ms: number): string {
  let rest = Math.max(0, Math.floor(ms / 1000));
  const parts: string[] = [];
  for (const [unit, seconds] of units) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0 || parts.length > 0) parts.push(`${count}${unit}`);
    if (parts.length === 2) break;
  }
  return parts.filter((it) => !/^0/.test(it)).join(' ') || '0s';
}

/** `just now`, `5m ago`, `3d ago`, `in 2h`. */
export function relative(iso: string, now: number): string {
  const delta = now - Date.parse(iso);
  const span = duration(Math.abs(delta)).split(' ')[0] ?? '';
  if (Math.abs(delta) < 45_000) return 'just now';
  return delta > 0 ? `${span} ago` : `in ${span}`;
}

/** `21 Nov 2026, 14:05` in the browser's own zone. */
export function moment(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

/** Seconds with one decimal below ten, such as a step took. */
export function took(from: string | null, to: string | null, now: number): string {
  if (!from) return '';
  const seconds = Math.max(0, (to ? Date.parse(to) : now) - Date.parse(from)) / 1000;
  return seconds < 10
    ? `${seconds.toFixed(1)} s`
    : seconds < 90
      ? `${Math.round(seconds)} s`
      : duration(seconds * 1000);
}

export function bytes(count: number): string {
  const names = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = count;
  let at = 0;
  while (value >= 1000 && at < names.length - 1) {
    value /= 1024;
    at++;
  }
  return `${value >= 100 || at === 0 ? Math.round(value) : value.toFixed(1)} ${names[at]}`;
}
