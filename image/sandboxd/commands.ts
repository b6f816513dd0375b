/** Slash commands that Claude Code offers in a folder: its own, and those of files in the home and in the project. */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import type { sandboxdApi } from '../../shared/sandboxd-api';

type Command = z.output<(typeof sandboxdApi)['commands']['output']>['commands'][number];
type Source = Command['source'];

/** Those of Claude Code 2.1 that make sense to a reader of frames: they need no dialog of the terminal's. */
const OWN: Record<string, string> = {
  clear: 'Start a new conversation with an empty context',
  compact: 'Shorten the conversation to a summary; words after it say what to keep',
  context: 'Show what fills the context',
  cost: 'Show what the session has cost',
  init: 'Write a CLAUDE.md for this project',
  model: 'Switch the model',
  'pr-comments': 'Read the comments of a pull request',
  review: 'Review a pull request',
  'security-review': 'Review the pending changes for security',
};
const FOLDER_MAX = 500;
const DEPTH_MAX = 4;
/** A command's head with its description. */
const HEAD_BYTES = 4096;
const DESCRIPTION_MAX_CHARS = 300;

export async function listCommands(options: { home: string; workdir: string | null }): Promise<Command[]> {
  const { home, workdir } = options;
  const found = new Map<string, Command>();
  for (const [name, description] of Object.entries(OWN))
    found.set(name, { name, description, source: 'claude' });
  const places: [string, Source][] = [[join(home, '.claude'), 'user']];
  if (workdir !== null && workdir !== home) places.push([join(workdir, '.claude'), 'project']);
  for (const [folder, source] of places) {
    for (const it of await commandFiles(join(folder, 'commands'), '', 0))
      found.set(it.name, { name: it.name, description: await descriptionOf(it.path), source });
    for (const name of await entries(join(folder, 'skills'))) {
      const path = join(folder, 'skills', name.name, 'SKILL.md');
      const description = await descriptionOf(path, null);
      if (description !== null) found.set(name.name, { name: name.name, description, source });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `commands/git/push.md` is `/git:push`. */
async function commandFiles(
  folder: string,
  prefix: string,
  depth: number,
): Promise<{ name: string; path: string }[]> {
  const out: { name: string; path: string }[] = [];
  for (const it of await entries(folder)) {
    const path = join(folder, it.name);
    if (it.isDirectory() && depth < DEPTH_MAX)
      out.push(...(await commandFiles(path, `${prefix}${it.name}:`, depth + 1)));
    else if (it.name.endsWith('.md')) out.push({ name: prefix + it.name.slice(0, -3), path });
  }
  return out;
}

async function entries(folder: string) {
  const all = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return all.slice(0, FOLDER_MAX).filter((it) => /^[\w.-]+$/.test(it.name));
}

/** `description:` of the front matter, else the first line of text; `missing` when there is no such file. */
async function descriptionOf(path: string): Promise<string>;
async function descriptionOf(path: string, missing: null): Promise<string | null>;
async function descriptionOf(path: string, missing: string | null = ''): Promise<string | null> {
  const file = await open(path, 'r').catch(() => null);
  if (!file) return missing;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const text = buffer.toString('utf8', 0, bytesRead);
    const [, matter = '', body = text] = /^---\n([\s\S]*?)\n---\n?([\s\S]*)$/.exec(text) ?? [];
    const named = /^description:\s*["']?(.*?)["']?\s*$/m.exec(matter)?.[1];
    const first = body.split('\n').find((line) => line.trim() !== '') ?? '';
    return (named ?? first.replace(/^#+\s*/, '')).slice(0, DESCRIPTION_MAX_CHARS);
  } finally {
    await file.close();
  }
}
