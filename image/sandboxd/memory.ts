/**
 * Gives back what buffers take. V8 collects when its own heap has grown; the buffers of a session's requests lie outside
 * of it, hang on objects of a few bytes each, and would add up to tens of megabytes first.
 */
const LOOK_MS = 1_000;
/** What is there between two requests is far below this. */
const BUFFERS_MAX_BYTES = 1024 * 1024;

/** Needs `--expose-gc`; without it nothing is done. */
export function keepMemorySmall(): { close(): void } {
  const { gc } = globalThis;
  const held = () => process.memoryUsage().arrayBuffers > BUFFERS_MAX_BYTES;
  const look = () => {
    if (!gc || !held()) return;
    gc({ type: 'minor', execution: 'sync' }); // below a millisecond
    if (held()) gc(); // 10 ms
  };
  const timer = setInterval(look, LOOK_MS).unref();
  return { close: () => clearInterval(timer) };
}
