import { expect, test } from 'vitest';
import type { SessionView } from '../../shared/views';
import { byNeed, money, standingOf, workMs } from './standing';

const session = (
  id: string,
  live: Partial<NonNullable<SessionView['live']>> | null,
  more = {},
): SessionView => ({
  id,
  sandboxId: 'a',
  kind: 'claude',
  name: id,
  workdir: '/',
  permissionMode: 'manual',
  state: 'running',
  exitCode: null,
  endReason: null,
  viewers: 0,
  createdAt: '2026-11-21T10:00:00.000Z',
  lastActivityAt: null,
  endedAt: null,
  model: null,
  effort: null,
  provider: null,
  live: live && {
    status: 'idle',
    model: null,
    title: null,
    tokens: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4 },
    costUsd: null,
    context: null,
    waiting: null,
    preview: '',
    turns: 0,
    turnStartedAt: null,
    workMs: 1000,
    updatedAt: '2026-11-21T10:00:00.000Z',
    ...live,
  },
  ...more,
});

test('who needs a person comes first, the ended last', () => {
  const all = [
    session('ended', {}, { state: 'ended' }),
    session('idle', {}),
    session('working', { status: 'working' }),
    session('asks', { waiting: { requestId: 'r', kind: 'question', text: '?' } }),
    session('broken', { status: 'failed' }),
    session('new', null),
    session('paused', { status: 'working' }, { state: 'suspended' }),
    session('later', { updatedAt: '2026-11-21T11:00:00.000Z' }),
  ];
  expect(all.sort(byNeed).map((it) => it.id)).toEqual([
    'asks',
    'broken',
    'working',
    'later',
    'idle',
    'new',
    'paused',
    'ended',
  ]);
});

test('the work of the running turn counts, but not while somebody is waited for', () => {
  const now = Date.parse('2026-11-21T10:00:05.000Z');
  const turnStartedAt = '2026-11-21T10:00:00.000Z';
  expect(workMs(session('a', { status: 'working', turnStartedAt }), now)).toBe(6000);
  expect(workMs(session('a', { status: 'waiting_for_input', turnStartedAt }), now)).toBe(1000);
  expect(standingOf(session('a', { status: 'waiting_for_input' }))).toBe('waiting');
});

test('money', () => {
  expect([null, 0, 0.004, 0.4242, 12.3].map(money)).toEqual(['–', '$0.00', '< $0.01', '$0.42', '$12.30']);
});
