/**
 * What Anthropic's prompt caching says of a request, from the `cache_control` that it carries: what was sent before is
 * read from the cache up to the last block that stays the same, the rest up to the last mark is written to it. Any other
 * byte in between would show in the figures.
 */
import { createHash } from 'node:crypto';

/** Of Anthropic's documentation: marks of a request, blocks looked at before a mark, tokens that are worth keeping. */
const MARKS_MAX = 4;
const LOOK_BACK_BLOCKS = 20;
const KEPT_TOKENS_MIN = 1_024;
const CHARS_PER_TOKEN = 4;

export interface CacheFigures {
  input_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
  cache_creation: { ephemeral_5m_input_tokens: number; ephemeral_1h_input_tokens: number };
}

/** Of a request's blocks and tools nothing else is looked at; all of it counts. */
type Block = object & { cache_control?: unknown };
interface CachedRequest {
  model: string;
  tools?: object[];
  system?: string | object[];
  messages: { role: string; content: string | object[] }[];
}
interface Place {
  hash: string;
  /** Of everything up to here. */
  tokens: number;
  mark: '5m' | '1h' | null;
}

/** Null: more marks than the API takes. */
export function createPromptCache(): (request: CachedRequest) => CacheFigures | null {
  const kept = new Set<string>();
  return (request) => {
    const places = placesOf(request);
    const marks = places.flatMap((it, at) => (it.mark === null ? [] : [at]));
    if (marks.length > MARKS_MAX) return null;
    const last = marks.at(-1) ?? -1;
    const known = places.findLastIndex(
      ({ hash }, at) => kept.has(hash) && marks.some((mark) => at <= mark && mark - at < LOOK_BACK_BLOCKS),
    );
    const read = places[known]?.tokens ?? 0;
    const written = { '5m': 0, '1h': 0 };
    let from = read;
    for (const place of marks.map((at) => places[at])) {
      if (!place?.mark || place.tokens <= from || place.tokens < KEPT_TOKENS_MIN) continue;
      kept.add(place.hash);
      written[place.mark] += place.tokens - from;
      from = place.tokens;
    }
    return {
      input_tokens: (places.at(-1)?.tokens ?? 0) - (last < 0 ? 0 : from),
      cache_read_input_tokens: read,
      cache_creation_input_tokens: written['5m'] + written['1h'],
      cache_creation: {
        ephemeral_5m_input_tokens: written['5m'],
        ephemeral_1h_input_tokens: written['1h'],
      },
    };
  };
}

/** The API reads tools first, then the system's blocks, then messages. */
function placesOf({ model, tools = [], system = [], messages }: CachedRequest): Place[] {
  const all: Block[] = [
    ...tools.map((it) => ({ ...it, in: 'tools' })),
    ...blocksOf(system).map((it) => ({ ...it, in: 'system' })),
    ...messages.flatMap(({ role, content }, at) =>
      blocksOf(content).map((it) => ({ ...it, in: `${at} ${role}` })),
    ),
  ];
  let hash = model;
  let chars = 0;
  return all.map(({ cache_control: control, ...block }) => {
    const text = JSON.stringify(block);
    hash = createHash('sha256').update(hash).update(text).digest('base64');
    chars += text.length;
    return { hash, tokens: Math.ceil(chars / CHARS_PER_TOKEN), mark: markOf(control) };
  });
}

function markOf(control: unknown): Place['mark'] {
  if (typeof control !== 'object' || control === null) return null;
  return 'ttl' in control && control.ttl === '1h' ? '1h' : '5m';
}

const blocksOf = (content: string | object[]): object[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content;
