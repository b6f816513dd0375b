import { AppError } from '../../shared/errors';
import { SLOTS_MAX } from '../plan/mark';
import type { Records } from './records';

/** Which sandbox has which slot. A slot is recorded before it is used, so that a later agent knows it again. */
export function createSlots(records: Records) {
  let loaded: Promise<Map<string, number>> | undefined;
  async function load(): Promise<Map<string, number>> {
    const taken = new Map<string, number>();
    for (const id of await records.ids()) {
      const { slot } = await records.read(id);
      if (slot !== null && ![...taken.values()].includes(slot)) taken.set(id, slot);
    }
    return taken;
  }
  const all = () => {
    loaded ??= load();
    loaded.catch(() => {
      loaded = undefined;
    });
    return loaded;
  };

  return {
    /** Its slot; gives it the lowest free one when it has none. Throws `unavailable` when all are taken. */
    async of(id: string): Promise<number> {
      const taken = await all();
      const known = taken.get(id);
      if (known !== undefined) return known;
      const used = new Set(taken.values());
      let slot = 1;
      while (used.has(slot)) slot += 1;
      if (slot > SLOTS_MAX) {
        throw new AppError('unavailable', `This host serves at most ${SLOTS_MAX} sandboxes at a time.`);
      }
      // Taken before anything is awaited: two sandboxes that begin at once never get the same.
      taken.set(id, slot);
      await records.change(id, { slot });
      return slot;
    },
    /** After the sandbox was removed and nothing of it can send. */
    async free(id: string): Promise<void> {
      (await all()).delete(id);
      if ((await records.read(id)).slot !== null) await records.change(id, { slot: null });
    },
  };
}
