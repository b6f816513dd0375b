/** Follows one API request of a session: its record on disk, its `api` frames, and what its answer says of a message. */
import type { Exchange, ExchangeSink } from './api-observer';
import type { ExchangeStore } from './exchange-store';
import type { MessageEvent } from './message-events';
import type { Place, Recorder } from './recorder';

export function recordExchange(
  exchange: Exchange,
  options: {
    store: ExchangeStore;
    recorder: Recorder;
    place: Place;
    /** Whether a request for a message is no part of the conversation. */
    isSide: (tools: boolean) => boolean;
    started: (side: boolean) => void;
    message: (event: MessageEvent) => void;
    ended: () => void;
  },
): ExchangeSink {
  const { store, recorder, place } = options;
  const since = performance.now();
  const ms = () => Math.round((performance.now() - since) * 10) / 10;
  const { method, agent } = exchange;
  const path = exchange.path.slice(0, 2_000);
  const number = recorder.state.exchanges + 1;
  // Here and not by its frame, which a full disk may not take: two records of one number would mix.
  recorder.state.exchanges = number;
  const writer = store.start(
    {
      ...{ exchange: number, at: new Date().toISOString(), method, path, purpose: 'other' },
      ...{ turn: place.turn ?? null, agent: agent ?? null, model: null, status: null, messageId: null },
      ...{ tokens: null, requestBytes: 0, answerBytes: 0 },
      ...{ firstByteMs: null, firstTokenMs: null, durationMs: null, error: null },
    },
    exchange.headers,
  );
  const { kept } = writer;
  const model = () => (kept.model === null ? {} : { model: kept.model });

  return {
    requestBody: (data) => writer.requestBody(data),
    requestEnd(asked) {
      const side = options.isSide(asked.tools);
      kept.purpose = !asked.message ? 'other' : side ? 'side' : 'turn';
      kept.model = asked.model ?? null;
      const frame = { exchange: number, phase: 'request' as const, method, path, ...model() };
      recorder.emit('api', { ...frame, requestBytes: kept.requestBytes }, place);
      if (asked.message) options.started(side);
    },
    answerHead(status, headers) {
      kept.status = status;
      kept.firstByteMs = ms();
      writer.answerHead(headers);
      recorder.emit('api', { exchange: number, phase: 'answer', status }, place);
    },
    event(name, data) {
      const at = ms();
      if (name === 'content_block_delta') kept.firstTokenMs ??= at;
      writer.event(at, name, data);
    },
    message(event) {
      if (event.type === 'start') {
        kept.messageId = event.messageId;
        kept.model ??= event.model;
      } else if (event.type === 'end') {
        const { input, output, cacheRead, cacheWrite } = event.usage;
        kept.tokens = { input, output, cacheRead, cacheWrite };
      }
      options.message(event);
    },
    answerText: (text) => writer.answerBody(text),
    answerBytes: (length) => {
      kept.answerBytes += length;
    },
    end(cut) {
      kept.durationMs = ms();
      if (cut) kept.error = kept.status === null ? 'no answer came' : 'the answer was cut';
      writer.end();
      recorder.emit(
        'api',
        {
          ...{ exchange: number, phase: 'end', ...model(), answerBytes: kept.answerBytes },
          durationMs: kept.durationMs,
          ...(kept.status === null ? {} : { status: kept.status }),
          ...(kept.messageId === null ? {} : { messageId: kept.messageId }),
          ...(kept.firstTokenMs === null ? {} : { firstTokenMs: kept.firstTokenMs }),
          ...(kept.error === null ? {} : { error: kept.error }),
        },
        place,
      );
      options.ended();
    },
  };
}
