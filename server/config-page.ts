import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from './db/project-root';
import { settings } from './settings';

const cell = (text: string) => text.replaceAll('|', '\\|');
const code = (text: string | null) => (text ? `\`${cell(text)}\`` : 'not set');

/** docs/configuration.md, whole. */
export function renderConfigPage(): string {
  const rows = Object.entries(settings).map(
    ([name, it]) =>
      `| \`${name}\` | ${code(it.default)} | ${cell(it.description)} | ${it.example ? code(it.example) : ''} |`,
  );
  return [
    '# Settings',
    '',
    'Environment variables of the gateway; `npm start` hands them on. Every problem is reported at once, with the',
    'name and what to do, and ends the start with exit code 2.',
    '',
    'This page is written by `npx tsx server/config-page.ts` from `server/settings.ts`; a test holds the two together.',
    '',
    '| name | default | what it does | example |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(join(projectRoot(), 'docs', 'configuration.md'), renderConfigPage());
