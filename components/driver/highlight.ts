/** Colours for code: highlight.js through lowlight, fetched when the first code is shown. Text in, words with classes out. */
import type { createLowlight } from 'lowlight';

export interface Span {
  text: string;
  className: string;
}
type Lowlight = ReturnType<typeof createLowlight>;

/** Longer code stays plain: it would hold the page up for longer than its colours are worth. */
const HIGHLIGHT_MAX_CHARS = 60_000;
/** Results kept for code that scrolls out of sight and comes back. */
const REMEMBERED = 200;

let engine: Lowlight | null = null;
let coming: Promise<void> | null = null;
const known = new Map<string, Span[]>();

/** Resolves when `highlighted` can answer. */
export function loadHighlighter(): Promise<void> {
  coming ??= import('./highlight-engine').then((it) => {
    engine = it.engine;
  });
  return coming;
}

/** Null: not loaded yet, no such language, or too long. */
export function highlighted(code: string, language: string): Span[] | null {
  if (!engine || language === '' || code.length > HIGHLIGHT_MAX_CHARS || !engine.registered(language))
    return null;
  const key = `${language}\n${code}`;
  const before = known.get(key);
  if (before) return before;
  const spans: Span[] = [];
  collect(engine.highlight(language, code), '', spans);
  known.set(key, spans);
  if (known.size > REMEMBERED) known.delete(known.keys().next().value ?? '');
  return spans;
}

interface HastLike {
  type: string;
  value?: string;
  children?: HastLike[];
  properties?: { className?: unknown };
}

function collect(node: HastLike, className: string, out: Span[]): void {
  if (node.type === 'text') {
    if (node.value) out.push({ text: node.value, className });
    return;
  }
  const own = Array.isArray(node.properties?.className) ? node.properties.className.join(' ') : '';
  for (const child of node.children ?? []) collect(child, own || className, out);
}

const byEnding: Record<string, string> = {
  bash: 'bash',
  c: 'c',
  cc: 'cpp',
  cjs: 'javascript',
  cpp: 'cpp',
  cs: 'csharp',
  css: 'css',
  diff: 'diff',
  go: 'go',
  h: 'c',
  hpp: 'cpp',
  html: 'xml',
  ini: 'ini',
  java: 'java',
  js: 'javascript',
  json: 'json',
  jsx: 'javascript',
  kt: 'kotlin',
  less: 'less',
  lua: 'lua',
  m: 'objectivec',
  md: 'markdown',
  mjs: 'javascript',
  php: 'php',
  pl: 'perl',
  py: 'python',
  r: 'r',
  rb: 'ruby',
  rs: 'rust',
  scss: 'scss',
  sh: 'bash',
  sql: 'sql',
  svg: 'xml',
  swift: 'swift',
  toml: 'ini',
  ts: 'typescript',
  tsx: 'typescript',
  xml: 'xml',
  yaml: 'yaml',
  yml: 'yaml',
  zsh: 'bash',
};

/** The language of a file, by its name; '' when it is not known. */
export function languageOf(path: string): string {
  const name = path.split('/').at(-1)?.toLowerCase() ?? '';
  if (name === 'dockerfile' || name === 'makefile') return name === 'makefile' ? 'makefile' : '';
  return byEnding[name.split('.').at(-1) ?? ''] ?? '';
}
