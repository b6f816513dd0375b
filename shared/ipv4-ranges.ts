/** IPv4 ranges as numbers. Texts are valid already: zod has judged them. */
export interface Range {
  first: number;
  last: number;
  prefix: number;
}

/** `10.0.0.0/8` or `10.0.0.1`; host bits of the address do not count. */
export function rangeOf(text: string): Range {
  const [address = '', bits] = text.split('/');
  const prefix = bits === undefined ? 32 : Number(bits);
  const number = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const size = 2 ** (32 - prefix);
  const first = Math.floor(number / size) * size;
  return { first, last: first + size - 1, prefix };
}

export const overlaps = (a: Range, b: Range): boolean => a.first <= b.last && b.first <= a.last;
export const contains = (outer: Range, inner: Range): boolean =>
  outer.first <= inner.first && inner.last <= outer.last;
