/** The two operations that do not end by themselves: NDJSON, with an empty line when nothing happens. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { FRAMES_HEARTBEAT_MS } from '../../shared/sandboxd-limits';
import { readJournal } from './journal-reader';
import { viewOf } from './session-view';
import type { Entry, Sessions } from './sessions';

/** A summary that changes all the time is told 5 times a second. */
const WATCH_MS = 200;

export async function streamFrames(
  response: ServerResponse,
  { session }: Entry,
  input: { from?: number | undefined; follow?: boolean | undefined },
): Promise<void> {
  await stream(response, async (signal) => {
    const place = { session: session.id, from: input.from ?? 0, follow: input.follow ?? false, signal };
    for await (const lines of readJournal(session.recorder.journal, place)) {
      if (!response.write(lines)) await once(response, 'drain', { signal });
    }
  });
}

export async function streamViews(response: ServerResponse, sessions: Sessions): Promise<void> {
  await stream(response, async (signal) => {
    const told = new Map<string, string>();
    const changed = new Set(sessions.ids());
    let wake = (): void => {};
    const end = sessions.watch((id) => {
      changed.add(id);
      wake();
    });
    signal.addEventListener('abort', () => wake());
    try {
      while (!signal.aborted) {
        for (const id of changed) {
          const entry = sessions.get(id);
          const line = entry ? `${JSON.stringify(viewOf(entry))}\n` : '';
          if (told.get(id) === line || line === '') continue;
          told.set(id, line);
          if (!response.write(line)) await once(response, 'drain', { signal });
        }
        changed.clear();
        await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
        if (changed.size > 0 || signal.aborted) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (changed.size > 0 || signal.aborted) resolve();
        });
      }
    } finally {
      end();
    }
  });
}

async function stream(response: ServerResponse, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const ended = new AbortController();
  response.once('close', () => ended.abort());
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write('\n');
  }, FRAMES_HEARTBEAT_MS);
  try {
    await run(ended.signal);
  } catch (error) {
    if (!ended.signal.aborted) throw error;
  } finally {
    clearInterval(heartbeat);
    response.end();
  }
}
