/** A conversation as a file. */
import type { Conversation } from '../../shared/conversation';
import type { Agent, Item, ToolItem } from '../../shared/conversation-items';
import { plainText } from './ansi';
import { isShown, taskNote } from './shown';
import { faceOf, patchOf, shellOf, unifiedDiff } from './tool-parts';

/** A fence longer than any in the text. */
function fenced(text: string, language = ''): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map((it) => it[0].length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text.replace(/\n$/, '')}\n${fence}`;
}

function tool(item: ToolItem, workdir: string): string {
  const { title, detail } = faceOf(item.tool, item.input, workdir);
  const head = `**${title}** ${detail ? `\`${detail.replaceAll('`', "'")}\`` : ''}${item.state === 'done' ? '' : ` (${item.state})`}`;
  const hunks = patchOf(item.result);
  if (hunks) return `${head}\n\n${fenced(unifiedDiff(detail, hunks), 'diff')}`;
  if (item.tool === 'Bash') {
    const { command, stdout, stderr } = shellOf(item);
    const output = plainText([stdout, stderr].filter((it) => it !== '').join('\n'));
    return `${head}\n\n${fenced(`$ ${command}\n${output}`, 'console')}`;
  }
  return item.output === '' ? head : `${head}\n\n${fenced(plainText(item.output))}`;
}

function one(item: Item, workdir: string, agents: (id: string) => Agent | undefined): string {
  switch (item.type) {
    case 'user':
      if (taskNote(item.text) !== null) return `_${taskNote(item.text)}_`;
      return `## ${item.text.split('\n').length > 1 ? 'Prompt' : item.text}\n\n${item.text.includes('\n') ? item.text : ''}`.trim();
    case 'text':
      return item.text.trim();
    case 'thinking':
      return `<details><summary>Thinking</summary>\n\n${item.text.trim()}\n\n</details>`;
    case 'tool':
    case 'agent': {
      const agent = item.runs === null ? undefined : agents(item.runs);
      const inner = agent?.items.filter(isShown).map((it) => one(it, workdir, agents)) ?? [];
      const head = item.type === 'tool' ? tool(item, workdir) : '**Subagent**';
      return [head, ...inner.map((it) => it.replace(/^/gm, '> '))].join('\n\n');
    }
    case 'question':
      return item.questions
        .map((it) => `**${it.question}** ${item.closed?.answers?.[it.question] ?? ''}`)
        .join('\n\n');
    case 'permission':
      return `_Permission for ${item.tool}: ${item.closed?.behavior ?? item.closed?.by ?? 'open'}_`;
    case 'notice':
      return `_${item.event}${item.text ? `: ${item.text}` : ''}_`;
    case 'stop':
      return item.reason === 'completed' ? '' : `_${item.reason}${item.error ? `: ${item.error}` : ''}_`;
  }
}

export function toMarkdown(
  stretches: readonly Conversation[],
  options: { title: string; workdir: string },
): string {
  const agents = (id: string) => stretches.map((it) => it.agents.get(id)).find((it) => it !== undefined);
  const parts = stretches
    .flatMap((it) => it.items)
    .filter(isShown)
    .map((it) => one(it, options.workdir, agents))
    .filter((it) => it !== '');
  return `# ${options.title}\n\n${parts.join('\n\n')}\n`;
}

/** Hands a text to the browser as a file. */
export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name.replace(/[^\w.-]+/g, '-');
  link.click();
  URL.revokeObjectURL(url);
}
