import { expect, test } from 'vitest';
import { defaultLimits, limitProblem, limitsText, parseLimits } from './limits-fields';

test('limits survive the way through the boxes', () => {
  expect(parseLimits(limitsText(defaultLimits))).toEqual(defaultLimits);
  expect(parseLimits({ cpus: '0.5', memoryMb: '1024', pids: '256', diskGb: '10' })).toEqual({
    cpus: 0.5,
    memoryMb: 1024,
    pids: 256,
    diskGb: 10,
  });
});

test('what is wrong is said per box', () => {
  expect(limitProblem('cpus', '0')).toMatch(/Between/);
  expect(limitProblem('memoryMb', '1024.5')).toMatch(/whole/);
  expect(limitProblem('pids', '')).toMatch(/number/);
  expect(limitProblem('diskGb', '')).toBeNull();
  expect(parseLimits({ ...limitsText(defaultLimits), cpus: 'many' })).toBeNull();
});
