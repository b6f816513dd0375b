import { expect, test } from 'vitest';
import { readModelMap, writeModelMap } from './kinds';

test('a model map is read back as it is written', () => {
  const map = { opus: 'vendor/large', '*': 'small one' };
  expect(readModelMap(writeModelMap(map))).toEqual(map);
  expect(readModelMap('\n opus=x \n\n')).toEqual({ opus: 'x' });
  expect(readModelMap('')).toEqual({});
});

test('a line that is no pair is told, not dropped', () => {
  expect(readModelMap('opus = x\nsonnet')).toBeNull();
  expect(readModelMap('opus =')).toBeNull();
});
