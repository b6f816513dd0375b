import { expect, test } from 'vitest';
import type { PolicyView } from '../../shared/egress-views';
import { nothingWritten } from '../../shared/policy-presets';
import { sourcesOf } from './policy-sources';
import { withGaps } from './series';

const minute = (n: number) => new Date(n * 60_000).toISOString();

test('minutes without a row are a gap, not a line', () => {
  const series = [1, 2, 9].map((n) => ({ at: minute(n), rxBytes: 60 * n, txBytes: 0 }));
  expect(withGaps(series)).toEqual([
    [60, 120, 180, 540],
    [1, 2, null, 9],
    [0, 0, null, 0],
  ]);
});

test('a line names all rules that say it', () => {
  const view = (target: PolicyView['target'], grants: string[]): PolicyView => ({
    ...{ target, targetId: 'x', targetName: 'Team', version: 1, updatedAt: null, updatedBy: null },
    policy: { ...nothingWritten, grants: grants.map((value) => ({ type: 'ip', value })) },
  });
  const saved = [
    view('sandbox', ['10.0.0.1']),
    view('workspace', ['10.0.0.1']),
    view('everyone', ['10.0.0.2']),
  ];
  expect(sourcesOf('Grant: Address 10.0.0.1', saved)).toEqual(['its own', 'workspace Team']);
  expect(sourcesOf('Grant: Address 10.0.0.2', saved)).toEqual(['everyone']);
});
