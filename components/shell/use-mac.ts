'use client';

import { useSyncExternalStore } from 'react';
import { isMac } from './shortcuts';

const never = () => () => {};

/** Whether the keyboard has a Cmd key; false on the server, so that nothing differs while it hydrates. */
export function useMac(): boolean {
  return useSyncExternalStore(never, isMac, () => false);
}
