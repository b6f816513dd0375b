import { hostSurroundings } from '../apply/surroundings';
import { type Surroundings, sameSurroundings } from '../plan/surroundings';

/** Where the host is, as it was looked at last: every rule set is made from this. The same object until it changes. */
export function createSurroundings() {
  let known: Promise<Surroundings> | undefined;

  async function refresh(): Promise<Surroundings> {
    const before = known;
    const now = await hostSurroundings();
    const old = await before?.catch(() => undefined);
    const current = old !== undefined && sameSurroundings(old, now) ? old : now;
    known = Promise.resolve(current);
    return current;
  }
  return {
    refresh,
    now(): Promise<Surroundings> {
      known ??= hostSurroundings();
      known.catch(() => {
        known = undefined;
      });
      return known;
    },
  };
}
export type SurroundingsNow = ReturnType<typeof createSurroundings>;
