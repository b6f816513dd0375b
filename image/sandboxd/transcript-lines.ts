/** What a line of Claude Code's transcript says, in our words. Pure; unknown lines say nothing. */
import { object, string } from './message-events';

export type TranscriptNews =
  | { type: 'prompt'; promptId: string | undefined; text: string }
  /** `name`: of the command (without the slash); absent: what one printed. */
  | { type: 'command'; text: string; name: string | undefined }
  | { type: 'interrupted' }
  | { type: 'result'; toolUseId: string; isError: boolean; output: string; result: unknown }
  | {
      type: 'block';
      messageId: string;
      model: string;
      /** Index in the message; undefined in lines of older versions. */
      block: number | undefined;
      content: Record<string, unknown>;
      usage: Record<string, unknown>;
      stopReason: string | undefined;
    }
  /** Claude Code counts the turn as done. */
  | { type: 'turn-done' }
  | { type: 'compacted' }
  | { type: 'title'; text: string }
  | { type: 'mode'; mode: string };

export function readTranscriptLine(line: string): TranscriptNews[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return [];
  }
  const entry = object(parsed);
  if (entry.type === 'user') return userNews(entry);
  if (entry.type === 'assistant') return assistantNews(entry);
  if (entry.type === 'system') {
    if (entry.subtype === 'turn_duration') return [{ type: 'turn-done' }];
    if (entry.subtype === 'compact_boundary') return [{ type: 'compacted' }];
    // Newer versions write commands so.
    if (entry.subtype === 'local_command') return commandNews(string(entry.content));
  }
  if (entry.type === 'ai-title') return [{ type: 'title', text: string(entry.aiTitle) }];
  if (entry.type === 'custom-title') return [{ type: 'title', text: string(entry.customTitle) }];
  if (entry.type === 'permission-mode') return [{ type: 'mode', mode: string(entry.permissionMode) }];
  return [];
}

function userNews(entry: Record<string, unknown>): TranscriptNews[] {
  const { content } = object(entry.message);
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : list(content);
  const promptId = string(entry.promptId) || undefined;
  const news: TranscriptNews[] = [];
  const texts: string[] = [];
  for (const block of blocks) {
    if (block.type === 'tool_result') {
      news.push({
        type: 'result',
        toolUseId: string(block.tool_use_id),
        isError: block.is_error === true,
        output: textOf(block.content),
        result: entry.toolUseResult,
      });
    } else if (block.type === 'text') texts.push(string(block.text));
  }
  const text = texts.join('\n');
  if (text.startsWith('[Request interrupted by user')) news.push({ type: 'interrupted' });
  else if (entry.isMeta === true || entry.isCompactSummary === true || text === '') return news;
  else if (COMMAND.test(text)) news.push(...commandNews(text));
  else news.push({ type: 'prompt', promptId, text: plainPrompt(text) });
  return news;
}

const COMMAND = /^\s*<(command-name|command-message|local-command-stdout|local-command-stderr)>/;

function commandNews(text: string): TranscriptNews[] {
  if (!COMMAND.test(text)) return [];
  return [{ type: 'command', text, name: /<command-name>\/?([^<]*)<\/command-name>/.exec(text)?.[1] }];
}

/** What Claude Code puts where an answer is missing, as after a start in the middle of one: nobody has said it. */
const NO_ANSWER = 'No response requested.';

function assistantNews(entry: Record<string, unknown>): TranscriptNews[] {
  const message = object(entry.message);
  const index = entry.apiBlockIndex;
  const blocks = list(message.content);
  if (message.model === '<synthetic>' && textOf(blocks) === NO_ANSWER) return [];
  return blocks.map((content, at) => ({
    type: 'block',
    messageId: string(message.id),
    model: string(message.model),
    block: typeof index === 'number' ? index + at : undefined,
    content,
    usage: object(message.usage),
    stopReason: string(message.stop_reason) || undefined,
  }));
}

/** Long pastes reach the model between tags; people want to read what was written. */
export function plainPrompt(text: string): string {
  return text.replace(/\n*<pasted_content id="([^"]*)">\n([\s\S]*?)\n*<\/pasted_content id="\1">\n?/g, '$2');
}

/** The text of a tool's answer, as the model reads it or as a hook reports it. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) {
    return value
      .map((it) => {
        const block = object(it);
        if (typeof block.text === 'string') return block.text;
        return block.type === undefined ? '' : `[${string(block.type)}]`;
      })
      .join('\n');
  }
  const { stdout, stderr, content, file } = object(value);
  if (typeof stdout === 'string') return [stdout, string(stderr)].filter((it) => it !== '').join('\n');
  if (typeof content === 'string' || Array.isArray(content)) return textOf(content);
  if (typeof object(file).content === 'string') return string(object(file).content);
  return value === undefined || value === null ? '' : JSON.stringify(value);
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(object) : [];
}
