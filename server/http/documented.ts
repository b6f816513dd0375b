/** For tests: the examples of a page of docs, each a command of its own. */
import { readFile } from 'node:fs/promises';

export interface Example {
  command: string;
  /** Only a real sandbox can answer it. */
  needsSandbox: boolean;
}

export async function examplesOf(file: string): Promise<Example[]> {
  const text = await readFile(file, 'utf8');
  return [...text.matchAll(/^```sh( needs=sandbox)?\n([\s\S]*?)^```$/gm)].flatMap((block) =>
    // A line that ends with a backslash goes on.
    (block[2] ?? '')
      .split(/(?<!\\)\n/)
      .filter((it) => it.trim() !== '')
      .map((command) => ({ command, needsSandbox: block[1] !== undefined })),
  );
}
