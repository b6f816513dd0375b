import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isCertainlyDead, newLeaseToken } from './lease-owner';

/** What this process would have written, had it been another one. */
function tokenOf(change: { boot?: string; namespace?: string; pid?: number; startTime?: string }): string {
  const [boot, namespace, pid, startTime, unique] = newLeaseToken().split('/');
  return [
    change.boot ?? boot,
    change.namespace ?? namespace,
    change.pid ?? pid,
    change.startTime ?? startTime,
    unique,
  ].join('/');
}
function startTimeOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

test('tokens differ, and their living holder is not taken for dead', () => {
  const token = newLeaseToken();
  expect(newLeaseToken()).not.toBe(token);
  expect(isCertainlyDead(token)).toBe(false);
});

test('a process is dead once it has ended, and its pid does not come alive again with another process', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  if (child.pid === undefined) throw new Error('not started');
  const { pid } = child;
  const token = tokenOf({ pid, startTime: startTimeOf(pid) });
  const earlier = tokenOf({ pid, startTime: '1' });
  expect([isCertainlyDead(token), isCertainlyDead(earlier)]).toEqual([false, true]);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isCertainlyDead(token)).toBe(true);
});

test('where there is doubt nobody is dead', () => {
  const gone = { pid: 0x3fffffff, startTime: '1' };
  expect(isCertainlyDead(tokenOf(gone))).toBe(true);
  expect(isCertainlyDead(tokenOf({ ...gone, boot: 'another-machine-or-boot' }))).toBe(false);
  expect(isCertainlyDead(tokenOf({ ...gone, namespace: 'pid:[1]' }))).toBe(false);
  for (const odd of ['', 'b7f0a1c2-0000-4000-8000-000000000000', 'a/b/c/d/e', '////'])
    expect(isCertainlyDead(odd), odd).toBe(false);
});
