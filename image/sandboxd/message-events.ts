/** An answer of the Messages API, streamed or whole, as events about one message. Bytes in, no socket. */
import { StringDecoder } from 'node:string_decoder';
import type { FrameData } from '../../shared/frames';

export interface MessageUsage extends Omit<FrameData<'usage'>, 'messageId' | 'purpose'> {}

export type MessageEvent =
  | { type: 'start'; messageId: string; model: string }
  | {
      type: 'piece';
      messageId: string;
      block: number;
      channel: 'text' | 'thinking';
      at: number;
      text: string;
    }
  | { type: 'tool'; messageId: string; toolUseId: string; tool: string; input: unknown }
  | { type: 'end'; messageId: string; usage: MessageUsage };

export interface AnswerReader {
  push(data: Buffer): void;
  /** The body has ended. */
  finish(): void;
}

type Json = Record<string, unknown>;
/** One event or one whole answer; an image a tool returns is the largest thing seen. */
const TEXT_MAX_CHARS = 32 * 1024 * 1024;

export interface AnswerSink {
  emit(event: MessageEvent): void;
  /** An event of a stream as it stands there. */
  event(name: string, data: string): void;
  /** An answer that is no stream, whole. */
  text(text: string): void;
}

export function createAnswerReader(streamed: boolean, sink: AnswerSink): AnswerReader {
  const decoder = new StringDecoder('utf8');
  const message = new MessageReader((event) => sink.emit(event));
  let text = '';
  const take = (data: string) => {
    text += data;
    if (text.length > TEXT_MAX_CHARS) throw new Error('an event of the API is too long');
  };
  if (!streamed) {
    return {
      push: (data) => take(decoder.write(data)),
      finish() {
        take(decoder.end());
        sink.text(text);
        if (text !== '') message.whole(object(parsed(text)));
      },
    };
  }
  return {
    push(data) {
      take(decoder.write(data));
      // Events end with an empty line; the API writes LF, the standard allows CRLF.
      for (;;) {
        const end = /\r?\n\r?\n/.exec(text);
        if (!end) return;
        const lines = text.slice(0, end.index).split(/\r?\n/);
        text = text.slice(end.index + end[0].length);
        const body = fieldOf(lines, 'data');
        sink.event(fieldOf(lines, 'event'), body);
        if (body !== '') message.event(object(JSON.parse(body)));
      }
    },
    finish: () => {},
  };
}

function fieldOf(lines: string[], name: string): string {
  const values = lines.filter((it) => it.startsWith(`${name}:`));
  return values.map((it) => it.slice(name.length + 1).replace(/^ /, '')).join('\n');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // some server's error page
  }
}

interface OpenBlock {
  type: string;
  at: number;
  json: string;
  id: string;
  name: string;
  input: unknown;
}

class MessageReader {
  readonly #emit: (event: MessageEvent) => void;
  readonly #blocks = new Map<number, OpenBlock>();
  #id = '';
  #model = '';
  #usage: Json = {};
  #stopReason: string | undefined;

  constructor(emit: (event: MessageEvent) => void) {
    this.#emit = emit;
  }

  event(event: Json): void {
    const index = number(event.index);
    switch (event.type) {
      case 'message_start':
        this.#start(object(event.message));
        break;
      case 'content_block_start':
        this.#open(index, object(event.content_block));
        break;
      case 'content_block_delta':
        this.#delta(index, object(event.delta));
        break;
      case 'content_block_stop':
        this.#close(index);
        break;
      case 'message_delta': {
        const reason = object(event.delta).stop_reason;
        if (typeof reason === 'string') this.#stopReason = reason;
        this.#addUsage(object(event.usage));
        break;
      }
      case 'message_stop':
        this.#end();
        break;
      default: // ping, error, and what is still to come
    }
  }

  whole(message: Json): void {
    if (message.type !== 'message') return;
    this.#start(message);
    const content = Array.isArray(message.content) ? message.content : [];
    for (const [index, block] of content.entries()) {
      this.#open(index, object(block));
      this.#close(index);
    }
    if (typeof message.stop_reason === 'string') this.#stopReason = message.stop_reason;
    this.#end();
  }

  #start(message: Json): void {
    this.#id = string(message.id);
    this.#model = string(message.model);
    this.#addUsage(object(message.usage));
    this.#emit({ type: 'start', messageId: this.#id, model: this.#model });
  }

  #open(index: number, block: Json): void {
    const type = string(block.type);
    const { id, name, input } = { id: string(block.id), name: string(block.name), input: block.input };
    this.#blocks.set(index, { type, at: 0, json: '', id, name, input });
    const first = type === 'text' ? block.text : type === 'thinking' ? block.thinking : undefined;
    if (typeof first === 'string') this.#piece(index, first);
  }

  #delta(index: number, delta: Json): void {
    const block = this.#blocks.get(index);
    if (!block) return;
    if (delta.type === 'text_delta') this.#piece(index, string(delta.text));
    else if (delta.type === 'thinking_delta') this.#piece(index, string(delta.thinking));
    else if (delta.type === 'input_json_delta') block.json += string(delta.partial_json);
  }

  #piece(index: number, text: string): void {
    const block = this.#blocks.get(index);
    if (!block || text === '') return;
    const channel = block.type === 'thinking' ? 'thinking' : 'text';
    this.#emit({ type: 'piece', messageId: this.#id, block: index, channel, at: block.at, text });
    block.at += text.length;
  }

  #close(index: number): void {
    const block = this.#blocks.get(index);
    this.#blocks.delete(index);
    if (block?.type !== 'tool_use') return;
    const input: unknown = block.json === '' ? block.input : JSON.parse(block.json);
    this.#emit({ type: 'tool', messageId: this.#id, toolUseId: block.id, tool: block.name, input });
  }

  #addUsage(usage: Json): void {
    for (const [key, value] of Object.entries(usage)) if (value !== null) this.#usage[key] = value;
  }

  #end(): void {
    const usage = usageOf(this.#usage, this.#model, this.#stopReason);
    this.#emit({ type: 'end', messageId: this.#id, usage });
  }
}

/** The API's usage object in our words. */
export function usageOf(usage: Json, model: string, stopReason?: string | undefined): MessageUsage {
  return {
    model,
    input: number(usage.input_tokens),
    output: number(usage.output_tokens),
    cacheRead: number(usage.cache_read_input_tokens),
    cacheWrite: number(usage.cache_creation_input_tokens),
    ...(stopReason === undefined ? {} : { stopReason }),
  };
}

export function object(value: unknown): Json {
  // Every object read from JSON is one of these.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
export const string = (value: unknown): string => (typeof value === 'string' ? value : '');
export const number = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? Math.floor(value) : 0;
