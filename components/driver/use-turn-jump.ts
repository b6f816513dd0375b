'use client';

import { useEffect, useRef, useState } from 'react';
import type { FrameSource } from './frame-source';

/** Leads to a turn by its number, also one that has to be read from the journal first. */
export function useTurnJump(
  source: FrameSource,
  jump: (itemId: string) => void,
): (turn: number | null) => void {
  const [wanted, setWanted] = useState<number | null>(null);
  const latest = useRef(jump);
  latest.current = jump;
  /** The stretch before which was read already: when nothing came of it, it is not asked for again. */
  const asked = useRef(0);
  const { version } = source;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the source changes in place, and its version tells so
  useEffect(() => {
    if (wanted === null) {
      asked.current = 0;
      return;
    }
    const all = [...source.earlier, source.conversation];
    const turn = all.flatMap((it) => it.turns).find((it) => it.number === wanted && it.first !== null);
    const first = all[0]?.firstSeq ?? 0;
    if (turn?.first) {
      latest.current(turn.first);
      setWanted(null);
    } else if (source.complete || (first > 0 && asked.current === first && !source.loadingEarlier)) {
      setWanted(null);
    } else if (first > 0 && asked.current !== first) {
      asked.current = first;
      void source.loadEarlier();
    }
  }, [wanted, version, source]);
  return setWanted;
}
