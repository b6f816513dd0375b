import { expect, test } from 'vitest';
import { WorkQueue } from './queue';

const never = new AbortController().signal;
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test('work on one sandbox never overlaps and keeps its order; others are free', async () => {
  const queue = new WorkQueue();
  const first = gate();
  const seen: string[] = [];
  const a = queue.run('x', never, async () => {
    seen.push('a starts');
    await first.opened;
    seen.push('a ends');
  });
  const b = queue.run('x', never, async () => void seen.push('b'));
  await queue.run('y', never, async () => void seen.push('y'));
  expect(queue.busy('x')).toBe(true);
  first.open();
  await Promise.all([a, b]);
  expect(seen).toEqual(['a starts', 'y', 'a ends', 'b']);
  await queue.idle();
  expect(queue.busy('x')).toBe(false);
});

test('failed work lets the next one run; an aborted waiter leaves at once and never runs', async () => {
  const queue = new WorkQueue();
  const first = gate();
  const failing = queue.run('x', never, async () => {
    await first.opened;
    throw new Error('no');
  });
  const stop = new AbortController();
  let ran = false;
  const waiting = queue.run('x', stop.signal, async () => {
    ran = true;
  });
  const last = queue.run('x', never, async () => 'done');
  stop.abort(new Error('left'));
  await expect(waiting).rejects.toThrow('left');
  first.open();
  await expect(failing).rejects.toThrow('no');
  expect(await last).toBe('done');
  expect(ran).toBe(false);
});
