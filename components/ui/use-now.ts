'use client';

import { useEffect, useState } from 'react';

/** The present time in ms, anew every `everyMs`; null on the server, so that nothing differs when it hydrates. */
export function useNow(everyMs: number): number | null {
  const [now, setNow] = useState<number | null>(null);
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
