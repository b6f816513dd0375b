import type { Frame } from '../../shared/frames';
import { EventData } from '../egress/proof-stream';
import { type CallFailure, failureOfAnswer, failureOfBody } from './session-calls';

/** What ended a stream of frames; `null`: it broke or was closed, and may be asked for again. */
export class StreamRefused extends Error {
  readonly failure: CallFailure;
  constructor(failure: CallFailure) {
    super(failure.title);
    this.failure = failure;
  }
}

/**
 * The frames of a session after `from`, in order, then the new ones as they come. No EventSource: that hides why it
 * was refused, and loses the kinds it was not told the names of. An empty batch is a sign of life. Ends when the server ends it or the signal comes;
 * throws StreamRefused when the server says why not, and what fetch throws when the way broke.
 */
export async function* readFrames(
  session: string,
  options: { from: number; signal: AbortSignal; onOpen?: () => void },
): AsyncGenerator<Frame[]> {
  const { from, signal } = options;
  const response = await fetch(`/api/sessions/${session}/frames?from=${from}`, {
    headers: { accept: 'text/event-stream' },
    cache: 'no-store',
    signal,
  });
  if (!response.ok || !response.body) throw new StreamRefused(await failureOfAnswer(response));
  options.onOpen?.();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const events = new EventData();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const frames: Frame[] = [];
      for (const data of events.push(read.value)) {
        const said: unknown = JSON.parse(data);
        if (isFrame(said)) frames.push(said);
        else throw new StreamRefused(failureOfBody(said));
      }
      yield frames;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** sandboxd has checked what it wrote; a newer one may write kinds that are not known here, and those pass too. */
function isFrame(value: unknown): value is Frame {
  return (
    typeof value === 'object' &&
    value !== null &&
    'seq' in value &&
    typeof value.seq === 'number' &&
    'kind' in value &&
    typeof value.kind === 'string'
  );
}
