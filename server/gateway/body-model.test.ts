import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mapModel } from './body-model';

const map = new Map([
  ['claude-opus-5-5', 'big'],
  ['claude-haiku-4-5', 'claude-haiku-4-5'],
]);
const mapped = (text: string, with_ = map) => mapModel(Buffer.from(text), with_)?.toString() ?? null;

test('only the outermost model is replaced, byte for byte else', () => {
  const text =
    '{ "a":{"model":"claude-opus-5-5"}, "n":1.0e2,"model" :\n "claude-opus-5-5" ,"é":"\\u00e9\\"model\\":"}';
  expect(mapped(text)).toBe(text.replace(/(:\n )"claude-opus-5-5"/, '$1"big"'));
});

test.each([
  '{"model":"other"}',
  '{"model":"claude-haiku-4-5"}',
  '{"model":7}',
  '{"x":"model","y":"claude-opus-5-5"}',
  '[{"model":"claude-opus-5-5"}]',
  '{"model":"claude-opus-5-5"',
  '',
  'no JSON',
])('%s stays', (text) => {
  expect(mapped(text)).toBeNull();
});

test('a star stands for what is not named; a long context is the same model', () => {
  const star = new Map([...map, ['*', 'any']]);
  expect(mapped('{"model":"other"}', star)).toBe('{"model":"any"}');
  expect(mapped('{"model":"claude-opus-5-5[1m]"}')).toBe('{"model":"big"}');
});

test('for any JSON it is what parsing, changing and comparing says', () => {
  const body = fc.dictionary(
    fc.oneof(fc.constant('model'), fc.string()),
    fc.oneof(fc.jsonValue(), fc.constant('claude-opus-5-5')),
  );
  fc.assert(
    fc.property(body, fc.constantFrom(undefined, 2), (given, indent) => {
      const text = JSON.stringify(given, null, indent);
      const result = mapped(text);
      if (Object.hasOwn(given, 'model') && given.model === 'claude-opus-5-5')
        expect(JSON.parse(result ?? 'null')).toEqual({ ...JSON.parse(text), model: 'big' });
      else expect(result).toBeNull();
    }),
  );
});
