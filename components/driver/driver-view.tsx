'use client';

import type { SessionView } from '../../shared/views';
import { useFrames } from './use-frames';

/** The structured view of a live Claude Code session. */
export function DriverView({ session }: { session: SessionView }) {
  const source = useFrames(session);
  return (
    <section
      aria-label={`Driver: ${session.name}`}
      data-session={session.id}
      data-state={source.state.kind}
    />
  );
}
