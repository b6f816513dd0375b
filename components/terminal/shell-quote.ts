/** A path as one word of a POSIX shell, as it would be typed. Control characters are dropped: they would be keys. */
export function shellQuote(path: string): string {
  const clean = path.replace(/\p{Cc}/gu, '');
  if (clean !== '' && /^[\p{L}\p{N}/._+@%:,=-]+$/u.test(clean) && !clean.startsWith('-')) return clean;
  return `'${clean.replaceAll("'", "'\\''")}'`;
}
