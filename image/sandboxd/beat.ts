/** Says each second that the event loop turns: init ends a sandboxd that has been silent for long, and starts another. */
import { writeSync } from 'node:fs';

const BEAT_MS = 1_000;
const LINE = Buffer.from('\n');

/** `given`: number of an open file, by init; without one nothing is done. The first beat is now. */
export function startBeat(given: string | undefined): { close(): void } {
  const file = Number(given ?? Number.NaN);
  if (!Number.isInteger(file)) return { close: () => undefined };
  const beat = () => {
    try {
      writeSync(file, LINE);
    } catch {
      clearInterval(timer); // nobody listens any more
    }
  };
  const timer = setInterval(beat, BEAT_MS);
  beat();
  return { close: () => clearInterval(timer) };
}
