'use client';

import { useCallback, useMemo, useRef, useState } from 'react';
import type { Frame } from '../../shared/frames';
import type { SessionView } from '../../shared/views';
import type { FrameSource } from '../driver/frame-source';
import { useFrames } from '../driver/use-frames';

/** Read again at once when the list is scrolled to its beginning. */
const FRAMES_AT_ONCE = 2_000;
/** A stretch of the journal that does not come within this time can be asked for again, in ms. */
const READ_MAX_MS = 20_000;

export interface Inspected {
  source: FrameSource;
  /** Without holes, oldest first. */
  frames: readonly Frame[];
  /** Frames before these are in the journal. */
  earlier: boolean;
  loading: boolean;
  loadEarlier(): void;
}

/** The session's frames as the driver's source has them, and what is older as far as it was scrolled to. */
export function useInspected(session: SessionView): Inspected {
  const source = useFrames(session);
  const { version } = source;
  const [older, setOlder] = useState<readonly Frame[]>([]);
  const [loading, setLoading] = useState(false);
  const busy = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the source changes in place, and counts that
  const frames = useMemo(() => {
    const first = source.frames[0]?.seq ?? 0;
    // A long session outgrew what is kept: a hole between the two would be a lie.
    const fits = older.at(-1)?.seq === first - 1;
    return fits ? [...older, ...source.frames] : source.frames;
  }, [older, source, version]);
  const oldest = frames[0];
  const earlier = oldest !== undefined && oldest.seq > 1 && oldest.kind !== 'gap';
  const loadEarlier = useCallback(() => {
    if (!earlier || busy.current || !oldest) return;
    busy.current = true;
    setLoading(true);
    const from = Math.max(1, oldest.seq - FRAMES_AT_ONCE);
    source
      .readRange(from, oldest.seq - 1, AbortSignal.timeout(READ_MAX_MS))
      .then(
        (read) => setOlder((before) => (before[0]?.seq === oldest.seq ? [...read, ...before] : read)),
        // The reader scrolls up again.
        () => undefined,
      )
      .finally(() => {
        busy.current = false;
        setLoading(false);
      });
  }, [earlier, oldest, source]);
  return { source, frames, earlier, loading, loadEarlier };
}
