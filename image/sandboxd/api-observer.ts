/** Looks at one connection to the API: which session asks what, and what the answer says. */
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { ConnectionObserver } from './api-tap';
import { type Head, HttpMessages } from './http-messages';
import { createAnswerReader, type MessageEvent } from './message-events';

/** One request of a session, from its head to the end of its answer. */
export interface Exchange {
  /** Claude Code's own session id (`x-claude-code-session-id`): it follows /clear. */
  readonly claudeId: string | undefined;
  /** Ours, where the path names it (`/s/<id>/…`, `/direct/<id>/…`). */
  readonly session: string | undefined;
  /** The subagent that asks. */
  readonly agent: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly headers: Head['list'];
}

/** Calls come in this order; `end` always, and last. */
export interface ExchangeSink {
  requestBody(data: Buffer): void;
  /** `tools`: it asks for a message, with tools, as a turn's own requests do; titles and probes have none. */
  requestEnd(asked: { message: boolean; tools: boolean; model: string | undefined }): void;
  answerHead(status: number, headers: Head['list']): void;
  /** Of the stream, as it stands there. */
  event(name: string, data: string): void;
  message(event: MessageEvent): void;
  /** An answer that is no stream. */
  answerText(text: string): void;
  answerBytes(length: number): void;
  /** `cut`: the connection broke before the answer was whole. */
  end(cut: boolean): void;
}

interface Pending {
  sink: ExchangeSink | null;
  bodiless: boolean;
  message: boolean;
  tools: boolean;
  model: string | undefined;
  /** The body's first bytes. */
  start: string;
  carry: Buffer;
  asked: boolean;
}

/** `"tools":[{` with real quotes stands only where the request has tools: inside of texts quotes are escaped. */
const TOOLS = Buffer.from('"tools":[{');
/** Claude Code names the model first. */
const MODEL = /^\s*\{\s*"model"\s*:\s*"([^"\\]{1,200})"/;
const START_CHARS = 512;
const NOTHING = Buffer.alloc(0);

export function createApiObserver(open: (exchange: Exchange) => ExchangeSink | null): ConnectionObserver {
  const waiting: Pending[] = [];
  let asking: Pending | null = null;
  let answering: { pending: Pending | undefined; reader: Answer | null } | null = null;

  const asked = (pending: Pending) => {
    if (pending.asked) return;
    pending.asked = true;
    const { message, tools, model } = pending;
    pending.sink?.requestEnd({ message, tools, model });
  };

  const requests = new HttpMessages({
    head(head) {
      asking = pendingOf(head, open);
      waiting.push(asking);
      return { bodiless: false };
    },
    body(data) {
      if (!asking?.sink) return;
      asking.sink.requestBody(data);
      if (!asking.message) return;
      if (asking.start.length < START_CHARS) {
        asking.start += data.toString('latin1', 0, START_CHARS);
        asking.model ??= MODEL.exec(asking.start)?.[1];
      }
      if (asking.tools) return;
      // The seam to the bytes before is looked at apart: requests are large, and no copy of one is made here.
      const seam = Buffer.concat([asking.carry, data.subarray(0, TOOLS.length)]);
      asking.tools = seam.includes(TOOLS) || data.includes(TOOLS);
      asking.carry = Buffer.from((data.length < TOOLS.length ? seam : data).subarray(-TOOLS.length));
    },
    end() {
      if (asking) asked(asking);
      asking = null;
    },
  });

  const responses = new HttpMessages({
    head(head) {
      const pending = waiting.shift();
      const sink = pending?.sink ?? null;
      if (pending && sink) {
        asked(pending);
        sink.answerHead(Number(head.start.split(' ')[1]), head.list);
      }
      answering = { pending, reader: sink && readAnswer(head, sink, pending?.message === true) };
      return { bodiless: pending?.bodiless ?? false };
    },
    body(data) {
      answering?.pending?.sink?.answerBytes(data.length);
      answering?.reader?.push(data);
    },
    end() {
      answering?.reader?.finish();
      answering = null;
    },
  });

  return {
    request: (data) => requests.push(data),
    response: (data) => responses.push(data),
    closed() {
      responses.finish();
      answering?.reader?.cut();
      answering = null;
      for (const pending of waiting.splice(0)) pending.sink?.end(true);
    },
  };
}

function pendingOf(head: Head, open: (exchange: Exchange) => ExchangeSink | null): Pending {
  const { start, headers, list } = head;
  const [method = '', path = ''] = start.split(' ');
  const sink = open({
    ...{ method, path, headers: list },
    claudeId: headers.get('x-claude-code-session-id'),
    agent: headers.get('x-claude-code-agent-id'),
    session: /^\/(?:s|direct)\/([0-9a-f-]{36})\//.exec(path)?.[1],
  });
  const message = method === 'POST' && /\/v1\/messages(\?|$)/.test(path);
  return {
    ...{ sink, message, bodiless: method === 'HEAD', tools: false, model: undefined },
    ...{ start: '', carry: NOTHING, asked: false },
  };
}

interface Answer {
  push(data: Buffer): void;
  finish(): void;
  /** The connection broke before the end. */
  cut(): void;
}

function readAnswer(head: Head, sink: ExchangeSink, message: boolean): Answer {
  const streamed = /\bevent-stream\b/.test(head.headers.get('content-type') ?? '');
  const isMessage = message && / 200\b/.test(head.start);
  let ended = false;
  const end = (cut: boolean) => {
    if (!ended) sink.end(cut);
    ended = true;
  };
  try {
    const reader = createAnswerReader(streamed, {
      emit: (event) => isMessage && sink.message(event),
      event: (name, data) => sink.event(name, data),
      text: (text) => sink.answerText(text),
    });
    const plain: Answer = {
      push(data) {
        if (!ended) reader.push(data);
      },
      finish() {
        try {
          if (!ended) reader.finish();
        } finally {
          end(false);
        }
      },
      cut: () => end(true),
    };
    return decoded(head.headers.get('content-encoding'), plain);
  } catch (error) {
    end(true);
    throw error;
  }
}

/** Unpacks beside the path. What cannot be unpacked is left to the transcript. */
function decoded(encoding: string | undefined, plain: Answer): Answer {
  if (encoding === undefined || encoding === 'identity') return plain;
  const make = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress }[encoding];
  if (!make) return { push: () => {}, finish: plain.cut, cut: plain.cut };
  const unpack = make();
  const guarded = (use: () => void) => {
    try {
      use();
    } catch {
      plain.cut();
      unpack.destroy();
    }
  };
  unpack.on('data', (data: Buffer) => guarded(() => plain.push(data)));
  unpack.on('end', () => guarded(() => plain.finish()));
  unpack.on('error', plain.cut);
  return {
    push: (data) => void unpack.write(data),
    finish: () => void unpack.end(),
    cut: () => {
      unpack.destroy();
      plain.cut();
    },
  };
}
