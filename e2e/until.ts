/** Waiting for a condition, as tests do it here: asked often, with a deadline and its name in the failure. */

const ASK_EVERY_MS = 50;
/** Deadlines are for a quiet machine; one whose host is busy with others takes several times as long. */
const PATIENCE = 4;

export async function until<T>(
  what: string,
  ms: number,
  condition: () => T | Promise<T>,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + ms * PATIENCE;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`not within ${(ms * PATIENCE) / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}
