/** Objects out of JSON or YAML, read field by field. */
export type Fields = Record<string, unknown>;

export function asFields(value: unknown): Fields | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  // Entries only: `__proto__` in a text must not become anything's prototype.
  return Object.assign(Object.create(null), value);
}

export function nameOf(value: unknown): string | null {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null;
}
