/** The inspector: every frame, exchange with the API and hook of a session, as they are. */
import type { Frame, FrameKind } from '../../shared/frames';

/** A row shows no more than this; it keeps the list cheap to draw. */
const GIST_MAX_CHARS = 160;

function oneLine(text: string): string {
  const line = text
    .slice(0, GIST_MAX_CHARS * 2)
    .replace(/\s+/g, ' ')
    .trim();
  return line.length > GIST_MAX_CHARS ? `${line.slice(0, GIST_MAX_CHARS)}…` : line;
}

function json(value: unknown): string {
  return value === undefined ? '' : (JSON.stringify(value) ?? '');
}

/** What a tool was called with, by the one field that says most. */
export function inputGist(input: unknown): string {
  if (typeof input !== 'object' || input === null) return json(input);
  const fields = input as Record<string, unknown>; // an object, by the line above
  for (const name of [
    'command',
    'file_path',
    'path',
    'pattern',
    'url',
    'query',
    'description',
    'prompt',
    'subject',
  ])
    if (typeof fields[name] === 'string') return fields[name];
  return json(input);
}

function words(...parts: (string | number | null | undefined | false)[]): string {
  return parts.filter((it) => it !== undefined && it !== null && it !== false && it !== '').join(' ');
}

function ms(value: number | undefined): string {
  return value === undefined ? '' : `${Math.round(value)} ms`;
}

function plain(frame: Frame): string {
  switch (frame.kind) {
    case 'text.delta':
      return frame.data.role === 'user' ? `❯ ${frame.data.text}` : frame.data.text;
    case 'thinking':
      return frame.data.text;
    case 'tool.use.start':
      return `${frame.data.tool}: ${inputGist(frame.data.input)}`;
    case 'tool.use.result':
      return words(
        `${frame.data.tool}:`,
        frame.data.isError && 'failed,',
        ms(frame.data.durationMs),
        frame.data.output,
      );
    case 'todo.update':
      return frame.data.items
        .map((it) => `${it.status === 'completed' ? '☑' : '☐'} ${it.subject}`)
        .join('  ');
    case 'ask.question':
      return frame.data.questions.map((it) => it.question).join(' · ');
    case 'permission.request':
      return `${frame.data.tool}: ${inputGist(frame.data.input)}`;
    case 'request.closed':
      return words(frame.data.behavior ?? 'closed', `by ${frame.data.by}`, frame.data.message);
    case 'context':
      return words(
        frame.data.modelName ?? frame.data.model,
        frame.data.contextTokens !== undefined &&
          `${frame.data.contextTokens}/${frame.data.contextWindow ?? '?'} tokens`,
        frame.data.costUsd !== undefined && `$${frame.data.costUsd.toFixed(4)}`,
      );
    case 'api':
      return words(
        `#${frame.data.exchange}`,
        frame.data.phase,
        frame.data.method,
        frame.data.path,
        frame.data.status,
        frame.data.model,
        ms(frame.data.durationMs),
        frame.data.error,
      );
    case 'usage': {
      const { input, output, cacheRead, cacheWrite, purpose } = frame.data;
      return words(
        `in ${input}`,
        `out ${output}`,
        `cache ${cacheRead} read ${cacheWrite} written`,
        purpose === 'side' && '(side)',
      );
    }
    case 'status':
      return words(frame.data.state, frame.data.detail);
    case 'stop':
      return words(frame.data.scope, frame.data.reason, ms(frame.data.durationMs), frame.data.error);
    case 'meta':
      return words(frame.data.event, frame.data.model, frame.data.source, frame.data.text);
    case 'hook':
      return words(
        frame.data.event,
        frame.data.name,
        frame.data.error,
        frame.data.answer !== undefined && json(frame.data.answer),
      );
    case 'pty.raw':
      return `${Math.floor((frame.data.base64.length * 3) / 4)} bytes`;
    case 'gap':
      return words(
        frame.data.reason,
        frame.data.from !== undefined && `${frame.data.from} to ${frame.data.to ?? '?'}`,
      );
  }
}

/** One line that tells a frame from its neighbours. A kind that this build does not know shows its data. */
export function gist(frame: Frame): string {
  return oneLine(plain(frame) ?? json((frame as { data: unknown }).data));
}

/** The API's message that a frame belongs to, where it names one. */
export function messageOf(frame: Frame): string | null {
  return 'messageId' in frame.data && typeof frame.data.messageId === 'string' ? frame.data.messageId : null;
}

/** Whether a frame matches what was typed: in its kind or anywhere in its data. Case does not matter. */
export function holds(frame: Frame, needle: string): boolean {
  if (needle === '') return true;
  return `${frame.kind} ${json(frame.data)}`.toLowerCase().includes(needle.toLowerCase());
}

export type KindTone = 'text' | 'tool' | 'ask' | 'api' | 'state' | 'quiet' | 'bad';
/** Kinds of one colour belong together. */
export const kindTone: Record<FrameKind, KindTone> = {
  'text.delta': 'text',
  thinking: 'text',
  'tool.use.start': 'tool',
  'tool.use.result': 'tool',
  'todo.update': 'tool',
  'ask.question': 'ask',
  'permission.request': 'ask',
  'request.closed': 'ask',
  context: 'state',
  api: 'api',
  usage: 'api',
  status: 'state',
  stop: 'state',
  meta: 'state',
  hook: 'quiet',
  'pty.raw': 'quiet',
  gap: 'bad',
};
export const toneText: Record<KindTone, string> = {
  text: 'text-ink',
  tool: 'text-accent',
  ask: 'text-warn',
  api: 'text-good',
  state: 'text-ink-soft',
  quiet: 'text-ink-faint',
  bad: 'text-bad',
};
