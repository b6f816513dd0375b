/** The events of one streamed Messages API answer, as Anthropic documents them: `event:` and `data:` lines. */
import { randomUUID } from 'node:crypto';
import type { CacheFigures } from './prompt-cache';
import type { Part } from './script';

/** Words a delta holds: small enough that an answer comes in many events, as a real one does. */
const WORDS_PER_DELTA = 3;

export interface StreamEvent {
  type: string;
  [key: string]: unknown;
}

export type Figures = Partial<CacheFigures>;
const READ: Figures = { input_tokens: 12, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
const WRITTEN_TOKENS = 34;

/** The whole answer as one JSON body, for `stream: false`. */
export function message(
  model: string,
  parts: readonly Part[],
  read: Figures = READ,
): Record<string, unknown> {
  return {
    ...envelope(model, read),
    content: joined(parts).flatMap((part) => (isPlace(part) ? [] : [wholeBlock(part)])),
    stop_reason: stopReason(parts),
    usage: { ...read, output_tokens: WRITTEN_TOKENS },
  };
}

/** The answer as events; a hold comes out as itself, so that the server can wait there. */
export function* events(
  model: string,
  parts: readonly Part[],
  read: Figures = READ,
): Generator<StreamEvent | Place> {
  yield { type: 'message_start', message: { ...envelope(model, read), content: [], stop_reason: null } };
  yield { type: 'ping' };
  let index = 0;
  let open = false;
  for (const part of parts) {
    if (isPlace(part)) {
      yield part;
      continue;
    }
    if (part.type === 'thinking') {
      yield start(index, { type: 'thinking', thinking: '', signature: '' });
      for (const text of pieces(part.text)) yield delta(index, { type: 'thinking_delta', thinking: text });
      yield delta(index, { type: 'signature_delta', signature: 'scripted' });
      yield { type: 'content_block_stop', index: index++ };
      continue;
    }
    if (part.type === 'text') {
      if (!open) yield start(index, { type: 'text', text: '' });
      open = true;
      for (const text of pieces(part.text)) yield delta(index, { type: 'text_delta', text });
      continue;
    }
    if (open) yield { type: 'content_block_stop', index: index++ };
    open = false;
    yield start(index, { ...wholeBlock(part), input: {} });
    yield delta(index, { type: 'input_json_delta', partial_json: JSON.stringify(part.input) });
    yield { type: 'content_block_stop', index: index++ };
  }
  if (open) yield { type: 'content_block_stop', index };
  yield {
    type: 'message_delta',
    delta: { stop_reason: stopReason(parts), stop_sequence: null },
    usage: { ...read, output_tokens: WRITTEN_TOKENS },
  };
  yield { type: 'message_stop' };
}

export function encode(event: StreamEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function envelope(model: string, read: Figures): Record<string, unknown> {
  return {
    id: `msg_${randomUUID().replaceAll('-', '')}`,
    type: 'message',
    role: 'assistant',
    model,
    stop_sequence: null,
    usage: { ...read, output_tokens: 1 },
  };
}

/** A place in the stream and no content. */
export type Place = Extract<Part, { type: 'hold' | 'drop' | 'fail' | 'too long' }>;
const isPlace = (part: Part): part is Place =>
  part.type === 'hold' || part.type === 'drop' || part.type === 'fail' || part.type === 'too long';

/** Texts that only a place stands between are one block. */
function joined(parts: readonly Part[]): Part[] {
  const out: Part[] = [];
  for (const part of parts) {
    const before = out.at(-1);
    if (part.type === 'text' && before?.type === 'text')
      out[out.length - 1] = { ...part, text: before.text + part.text };
    else if (!isPlace(part)) out.push(part);
  }
  return out;
}

function wholeBlock(part: Exclude<Part, Place>): Record<string, unknown> {
  if (part.type === 'text') return part;
  if (part.type === 'thinking') return { type: 'thinking', thinking: part.text, signature: 'scripted' };
  return {
    type: 'tool_use',
    id: `toolu_${randomUUID().replaceAll('-', '')}`,
    name: part.name,
    input: part.input,
  };
}

function stopReason(parts: readonly Part[]): string {
  return parts.some((it) => it.type === 'tool') ? 'tool_use' : 'end_turn';
}

const start = (index: number, content_block: Record<string, unknown>): StreamEvent => ({
  type: 'content_block_start',
  index,
  content_block,
});
const delta = (index: number, change: Record<string, unknown>): StreamEvent => ({
  type: 'content_block_delta',
  index,
  delta: change,
});

function pieces(text: string): string[] {
  return text.match(new RegExp(`(\\S*\\s*){1,${WORDS_PER_DELTA}}`, 'g'))?.filter((it) => it !== '') ?? [];
}
