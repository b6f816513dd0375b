import { type ProofEvent, proofEventSchema } from '../../shared/egress-views';
import { errorTable, isErrorCode } from '../../shared/errors';

/** The data of server-sent events (WHATWG HTML 9.2) out of chunks of text that may be cut anywhere. */
export class EventData {
  #rest = '';

  push(chunk: string): string[] {
    const parts = (this.#rest + chunk).split(/\r?\n\r?\n/);
    this.#rest = parts.pop() ?? '';
    return parts.flatMap((part) => {
      const data = part.split(/\r?\n/).filter((line) => line.startsWith('data:'));
      return data.length === 0 ? [] : [data.map((line) => line.slice(5).replace(/^ /, '')).join('\n')];
    });
  }
}

/** What stopped a test or proof, in words. */
export interface RunFailure {
  title: string;
  next: string;
}

export function failureWords(code: string, message: string): RunFailure {
  const entry = errorTable[isErrorCode(code) ? code : 'internal'];
  return { title: message || entry.title, next: entry.next };
}

const cut: ProofEvent = {
  type: 'error',
  code: 'unavailable',
  error: 'The connection broke before the result was there.',
};

/**
 * Runs a test or a proof and tells its events as they come; always ends with `proof` or `error`. A POST, so that
 * secrets stay out of the address; that is why it is no EventSource. Throws only what the signal throws.
 */
export async function streamProof(
  path: string,
  options: { body?: unknown; signal: AbortSignal; onEvent(event: ProofEvent): void },
): Promise<void> {
  const { signal, onEvent, body } = options;
  let ended = false;
  const tell = (event: ProofEvent) => {
    ended ||= event.type !== 'check';
    onEvent(event);
  };
  try {
    const response = await fetch(path, {
      method: 'POST',
      signal,
      headers: {
        accept: 'text/event-stream',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok || !response.body) return tell(await refusal(response));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const events = new EventData();
    for (let read = await reader.read(); !read.done; read = await reader.read())
      for (const data of events.push(read.value)) {
        const event = proofEventSchema.safeParse(JSON.parse(data));
        if (event.success) tell(event.data);
      }
  } catch (thrown) {
    if (signal.aborted) throw thrown;
  }
  if (!ended) tell(cut);
}

async function refusal(response: Response): Promise<ProofEvent> {
  const said: unknown = await response.json().catch(() => null);
  const { code, error } = typeof said === 'object' && said !== null ? (said as Record<string, unknown>) : {}; // read as text below
  return {
    type: 'error',
    code: typeof code === 'string' ? code : 'internal',
    error: typeof error === 'string' ? error : '',
  };
}
