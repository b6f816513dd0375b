/** Looks at one connection to the API: which session asks, and what the answer says. */
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { ConnectionObserver } from './api-tap';
import { type Head, HttpMessages } from './http-messages';
import { type AnswerReader, createAnswerReader, type MessageEvent } from './message-events';

/** One request for a message, from its head to the end of its answer. */
export interface Exchange {
  /** Claude Code's own session id (`x-claude-code-session-id`): it follows /clear. */
  readonly claudeId: string;
  /** The subagent that asks. */
  readonly agent: string | undefined;
  /** Asks with tools: a turn's own request. Titles and probes have none. */
  readonly tools: boolean;
}

export interface ExchangeSink {
  event(event: MessageEvent): void;
  /** The answer has ended, whole or not. Always the last call. */
  end(): void;
}

interface Pending {
  claudeId: string | undefined;
  agent: string | undefined;
  bodiless: boolean;
  tools: boolean;
  carry: Buffer;
}

/** `"tools":[{` with real quotes stands only where the request has tools: inside of texts quotes are escaped. */
const TOOLS = Buffer.from('"tools":[{');
const NOTHING = Buffer.alloc(0);

export function createApiObserver(open: (exchange: Exchange) => ExchangeSink | null): ConnectionObserver {
  const waiting: Pending[] = [];
  let asking: Pending | null = null;
  let answering: { reader: Answer | null } | null = null;

  const requests = new HttpMessages({
    head(head) {
      asking = pendingOf(head);
      waiting.push(asking);
      return { bodiless: false };
    },
    body(data) {
      if (!asking || asking.tools || asking.claudeId === undefined) return;
      const seen = Buffer.concat([asking.carry, data]);
      asking.tools = seen.includes(TOOLS);
      asking.carry = Buffer.from(seen.subarray(Math.max(0, seen.length - TOOLS.length)));
    },
    end() {
      asking = null;
    },
  });

  const responses = new HttpMessages({
    head(head) {
      const request = waiting.shift();
      const { claudeId } = request ?? {};
      const sink =
        request && claudeId !== undefined && / 200\b/.test(head.start)
          ? open({ claudeId, agent: request.agent, tools: request.tools })
          : null;
      answering = { reader: sink && readAnswer(head, sink) };
      return { bodiless: request?.bodiless ?? false };
    },
    body: (data) => answering?.reader?.push(data),
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
    },
  };
}

function pendingOf({ start, headers }: Head): Pending {
  const [method, path = ''] = start.split(' ');
  const asks = method === 'POST' && /\/v1\/messages(\?|$)/.test(path);
  return {
    claudeId: asks ? headers.get('x-claude-code-session-id') : undefined,
    agent: headers.get('x-claude-code-agent-id'),
    bodiless: method === 'HEAD',
    tools: false,
    carry: NOTHING,
  };
}

interface Answer {
  push(data: Buffer): void;
  finish(): void;
  /** The connection broke before the end. */
  cut(): void;
}

function readAnswer(head: Head, sink: ExchangeSink): Answer {
  const streamed = /\bevent-stream\b/.test(head.headers.get('content-type') ?? '');
  let ended = false;
  const end = () => {
    if (!ended) sink.end();
    ended = true;
  };
  let reader: AnswerReader;
  try {
    reader = createAnswerReader(streamed, (event) => sink.event(event));
    const plain: Answer = {
      push(data) {
        if (!ended) reader.push(data);
      },
      finish() {
        try {
          if (!ended) reader.finish();
        } finally {
          end();
        }
      },
      cut: end,
    };
    return decoded(head.headers.get('content-encoding'), plain, end);
  } catch (error) {
    end();
    throw error;
  }
}

/** Unpacks beside the path. What cannot be unpacked is left to the transcript. */
function decoded(encoding: string | undefined, plain: Answer, fail: () => void): Answer {
  if (encoding === undefined || encoding === 'identity') return plain;
  const make = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress }[encoding];
  if (!make) {
    fail();
    return { push: () => {}, finish: () => {}, cut: () => {} };
  }
  const unpack = make();
  const guarded = (use: () => void) => {
    try {
      use();
    } catch {
      fail();
      unpack.destroy();
    }
  };
  unpack.on('data', (data: Buffer) => guarded(() => plain.push(data)));
  unpack.on('end', () => guarded(() => plain.finish()));
  unpack.on('error', fail);
  return {
    push: (data) => void unpack.write(data),
    finish: () => void unpack.end(),
    cut: () => {
      unpack.destroy();
      fail();
    },
  };
}
