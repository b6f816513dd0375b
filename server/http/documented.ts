/** For tests: the examples of pages of docs, each block a script of its own after the page's `setup`. */
import { readFile } from 'node:fs/promises';

export interface Example {
  /** What stands over it, and its first line. */
  title: string;
  language: 'sh' | 'js';
  script: string;
  /** Only a real sandbox can answer it. */
  needsSandbox: boolean;
}

export async function examplesOf(file: string): Promise<Example[]> {
  const text = await readFile(file, 'utf8');
  const setup = /^```sh setup\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? '';
  let heading = '';
  const found: Example[] = [];
  for (const part of text.matchAll(/^## (.+)$|^```(sh|js)( needs=sandbox)?\n([\s\S]*?)^```$/gm)) {
    const [, title, language, needs, script = ''] = part;
    if (title !== undefined) {
      heading = title;
      continue;
    }
    const name = `${heading}: ${script.slice(0, script.indexOf('\n'))}`;
    if (language === 'js') found.push({ title: name, language, script, needsSandbox: false });
    else found.push({ title: name, language: 'sh', script: setup + script, needsSandbox: !!needs });
  }
  return found;
}

/** `METHOD /path` of each request in it, every variable and id as `{}`. */
export function requestsOf({ script, language }: Example): string[] {
  const known = (path: string) => path.replace(/\$\{?\w+\}?/g, '{}').replace(/\?.*$/s, '');
  if (language === 'js')
    return [...script.matchAll(/`\$\{[^`]*?\}(\/[^`]*)`/g)].map((it) => `GET ${known(it[1] ?? '')}`);
  // A line that ends with a backslash goes on.
  return script.split(/(?<!\\)\n/).flatMap((line) => {
    const path = /"\$URL(\/[^"]*)"/.exec(line)?.[1];
    if (path === undefined) return [];
    const named = / -X ([A-Z]+) /.exec(line)?.[1];
    const method = named ?? (/ -T /.test(line) ? 'PUT' : / -d /.test(line) ? 'POST' : 'GET');
    return [`${method} ${known(path)}`];
  });
}
