/** What stands in a tool's input and result, read without trust in their shape: tools and their versions differ. */
import type { ToolItem } from '../../shared/conversation-items';

export function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>) // read as unknown
    : {};
}
export function str(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export interface Hunk {
  oldStart: number;
  newStart: number;
  /** Each begins with ` `, `-`, `+` or `\`. */
  lines: string[];
}

/** Claude Code's own patch, or null when the result holds none. */
export function patchOf(result: unknown): Hunk[] | null {
  const { structuredPatch } = fields(result);
  if (!Array.isArray(structuredPatch) || structuredPatch.length === 0) return null;
  return structuredPatch.map((it) => {
    const { oldStart, newStart, lines } = fields(it);
    return {
      oldStart: Number(oldStart) || 1,
      newStart: Number(newStart) || 1,
      lines: Array.isArray(lines) ? lines.map(String) : [],
    };
  });
}

/** What an edit asks for, while there is no patch yet: what goes and what comes, without numbers. */
export function plannedPatch(input: unknown): Hunk[] | null {
  const { old_string, new_string, edits, content } = fields(input);
  const one = (from: unknown, to: unknown): Hunk => ({
    oldStart: 0,
    newStart: 0,
    lines: [...linesOf(str(from)).map((it) => `-${it}`), ...linesOf(str(to)).map((it) => `+${it}`)],
  });
  if (Array.isArray(edits)) return edits.map((it) => one(fields(it).old_string, fields(it).new_string));
  if (typeof new_string === 'string' || typeof old_string === 'string') return [one(old_string, new_string)];
  if (typeof content === 'string') return [one('', content)];
  return null;
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

export function changedLines(hunks: readonly Hunk[]): { added: number; removed: number } {
  let added = 0;
  let removed = 0;
  for (const line of hunks.flatMap((it) => it.lines))
    if (line.startsWith('+')) added++;
    else if (line.startsWith('-')) removed++;
  return { added, removed };
}

/** The whole change as a unified diff, for copying. */
export function unifiedDiff(path: string, hunks: readonly Hunk[]): string {
  const body = hunks.map((it) => {
    const count = (sign: string) =>
      it.lines.filter((line) => line.startsWith(sign) || line.startsWith(' ')).length;
    return `@@ -${it.oldStart},${count('-')} +${it.newStart},${count('+')} @@\n${it.lines.join('\n')}`;
  });
  return `--- a/${path}\n+++ b/${path}\n${body.join('\n')}\n`;
}

export interface ShellOutput {
  command: string;
  stdout: string;
  stderr: string;
}

export function shellOf(item: ToolItem): ShellOutput {
  const { stdout, stderr } = fields(item.result);
  const told = typeof stdout === 'string' || typeof stderr === 'string';
  const output = told ? str(stdout) : item.output;
  return { command: str(fields(item.input).command), stdout: output, stderr: told ? str(stderr) : '' };
}

export interface FileText {
  path: string;
  text: string;
  firstLine: number;
}

/** The text that was read; null when it was something else. */
export function fileOf(item: ToolItem): FileText | null {
  const path = str(fields(item.input).file_path) || str(fields(item.input).path);
  const file = fields(fields(item.result).file);
  if (typeof file.content === 'string')
    return { path: str(file.filePath) || path, text: file.content, firstLine: Number(file.startLine) || 1 };
  if (path === '' || item.output === '') return null;
  // Lines as the model gets them: a number, an arrow or a tab, the line.
  const lines = item.output.split('\n').map((it) => /^\s*(\d+)(?:→|\t)(.*)$/.exec(it));
  if (!lines[0]) return { path, text: item.output, firstLine: 1 };
  const numbered = lines.flatMap((it) => (it ? [it] : []));
  return {
    path,
    text: numbered.map((it) => it[2] ?? '').join('\n'),
    firstLine: Number(numbered[0]?.[1]) || 1,
  };
}

/** Pictures in a result, as data addresses; a cut one is left out. */
export function imagesOf(result: unknown): { images: string[]; cut: boolean } {
  const images: string[] = [];
  let cut = false;
  const take = (type: unknown, data: unknown): void => {
    if (typeof type !== 'string' || typeof data !== 'string' || !/^image\/(png|jpeg|gif|webp)$/.test(type))
      return;
    if (/^[A-Za-z0-9+/=\s]+$/.test(data)) images.push(`data:${type};base64,${data}`);
    else cut = true;
  };
  const walk = (value: unknown, depth: number): void => {
    if (depth > 6 || typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) {
      for (const it of value) walk(it, depth + 1);
      return;
    }
    const { media_type, data, base64, type, mimeType } = fields(value);
    take(media_type ?? mimeType, data);
    take(type, base64);
    for (const it of Object.values(value)) walk(it, depth + 1);
  };
  walk(result, 0);
  return { images, cut };
}

/** The path as it is read best: without the session's folder. */
export function shortPath(path: string, workdir: string): string {
  if (workdir !== '' && path.startsWith(`${workdir}/`)) return path.slice(workdir.length + 1);
  return path.replace(/^\/home\/claude\//, '~/');
}

export interface Face {
  /** What the tool does, in a word or two. */
  title: string;
  /** To what, on one line. */
  detail: string;
  kind: 'shell' | 'edit' | 'read' | 'agent' | 'todo' | 'question' | 'web' | 'search' | 'plan' | 'other';
}

/** What a call says of itself on one line. */
export function faceOf(tool: string, given: unknown, workdir: string): Face {
  const input = fields(given);
  const path = shortPath(str(input.file_path) || str(input.notebook_path) || str(input.path), workdir);
  const firstLine = (text: string): string => text.split('\n')[0] ?? '';
  switch (tool) {
    case 'Bash':
      return { title: 'Bash', detail: firstLine(str(input.command)), kind: 'shell' };
    case 'BashOutput':
    case 'KillShell':
    case 'TaskStop':
    case 'Monitor':
      return {
        title: tool,
        detail: str(input.bash_id) || str(input.task_id) || str(input.shell_id),
        kind: 'shell',
      };
    case 'Edit':
    case 'MultiEdit':
    case 'NotebookEdit':
      return { title: 'Edit', detail: path, kind: 'edit' };
    case 'Write':
      return { title: 'Write', detail: path, kind: 'edit' };
    case 'Read':
      return { title: 'Read', detail: path, kind: 'read' };
    case 'Glob':
    case 'Grep':
    case 'LS':
    case 'ToolSearch':
      return { title: tool, detail: str(input.pattern) || str(input.query) || path, kind: 'search' };
    case 'Agent':
    case 'Task':
      return {
        title: str(input.subagent_type) || 'Agent',
        detail: str(input.description) || firstLine(str(input.prompt)),
        kind: 'agent',
      };
    case 'TaskCreate':
      return { title: 'New task', detail: str(input.subject), kind: 'todo' };
    case 'TaskUpdate':
      return { title: 'Task', detail: `${str(input.taskId)} ${str(input.status)}`.trim(), kind: 'todo' };
    case 'TodoWrite':
    case 'TaskGet':
    case 'TaskList':
      return { title: 'Tasks', detail: '', kind: 'todo' };
    case 'AskUserQuestion':
      return { title: 'Question', detail: str(fields(questionsIn(input)[0]).question), kind: 'question' };
    case 'ExitPlanMode':
      return { title: 'Plan', detail: '', kind: 'plan' };
    case 'WebFetch':
      return { title: 'Fetch', detail: str(input.url), kind: 'web' };
    case 'WebSearch':
      return { title: 'Web search', detail: str(input.query), kind: 'web' };
    default: {
      const mcp = /^mcp__(.+?)__(.+)$/.exec(tool);
      const texts = Object.values(input).filter((it) => typeof it === 'string');
      return {
        title: mcp ? `${mcp[1]}: ${mcp[2]}` : tool,
        detail: firstLine(path || str(texts[0])),
        kind: 'other',
      };
    }
  }
}

function questionsIn(input: Record<string, unknown>): unknown[] {
  return Array.isArray(input.questions) ? input.questions : [];
}
