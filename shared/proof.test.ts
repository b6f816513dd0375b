import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from './proof';

test('the order in which a value was built does not show', () => {
  expect(canonicalJson({ b: [1, null, { d: 'ü"', c: undefined, a: 0.1 }], a: true })).toBe(
    '{"a":true,"b":[1,null,{"a":0.1,"d":"ü\\""}]}',
  );
});

test('any JSON value survives, and has one spelling', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, undefined, () => 0])('%s is refused', (value) => {
  expect(() => canonicalJson(value)).toThrow('JSON');
});
