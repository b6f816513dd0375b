import { expect, test } from 'vitest';
import { Slots } from './slots';

const never = new AbortController().signal;
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test('no more than so many run at once; the rest follow in order; one that gave up is passed over', async () => {
  const slots = new Slots(2);
  const gates = [gate(), gate(), gate(), gate()];
  const begun: number[] = [];
  const impatient = new AbortController();
  const runs = gates.map((it, at) =>
    slots.run(at === 2 ? impatient.signal : never, async () => {
      begun.push(at);
      await it.opened;
      if (at === 0) throw new Error('failed');
    }),
  );
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  impatient.abort(new Error('gave up'));
  await expect(runs[2]).rejects.toThrow('gave up');
  gates[0]?.open();
  await expect(runs[0]).rejects.toThrow('failed');
  gates[3]?.open();
  await runs[3];
  gates[1]?.open();
  await runs[1];
  expect(begun).toEqual([0, 1, 3]);
});
