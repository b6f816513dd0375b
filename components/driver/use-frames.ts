'use client';

import { useEffect, useSyncExternalStore } from 'react';
import type { SessionView } from '../../shared/views';
import { type FrameSource, frameSource } from './frame-source';

/** The session's frames and conversation, drawn anew with every batch of frames. */
export function useFrames(session: SessionView): FrameSource {
  const source = frameSource(session);
  useSyncExternalStore(
    source.subscribe,
    () => source.version,
    () => 0,
  );
  const { state } = session;
  useEffect(() => {
    // Its sandbox runs again.
    if (state === 'running' && source.state.kind === 'stopped') source.retry();
  }, [state, source]);
  return source;
}
