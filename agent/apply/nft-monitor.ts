import { setTimeout as delay } from 'node:timers/promises';
import type { Namespace } from './netns';
import { follow } from './run';

/** A load of rules is told in some hundred lines: one look after the last of them. */
const SETTLE_MS = 50;
/** Before it is started again, as after the kernel had more to tell than it took. */
const AGAIN_MS = 1_000;

/**
 * Calls `onChange` soon after anybody, the agent included, changed rules: in a namespace, or on the host (null). One
 * `nft monitor`, which sleeps in the kernel (1.6 MB of its own). What changes before it listens is not told.
 */
export function watchRules(options: {
  namespace: Namespace | null;
  /** Part of each line that matters; everything does when it is empty. */
  about: string;
  onChange(): void;
}): { close(): Promise<void> } {
  const { namespace, about, onChange } = options;
  const stop = new AbortController();
  let settling: NodeJS.Timeout | undefined;
  const onLine = (line: string) => {
    if (!line.includes(about)) return;
    settling ??= setTimeout(() => {
      settling = undefined;
      onChange();
    }, SETTLE_MS).unref();
  };
  const monitor = ['nft', 'monitor'];
  const command = namespace === null ? monitor : namespace.enter(monitor);
  const done = (async () => {
    while (!stop.signal.aborted) {
      await follow(command, { onLine, signal: stop.signal, fd3: namespace?.fd });
      await delay(AGAIN_MS, undefined, { signal: stop.signal }).catch(() => {});
      if (!stop.signal.aborted) onChange();
    }
  })();
  return {
    async close() {
      clearTimeout(settling);
      stop.abort();
      await done;
    },
  };
}
