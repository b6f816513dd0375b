// docs/hooks.md names every event with what a hook on it can do, as the rules have it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hookEventNames, ruleOf } from '../../../shared/hook-rules';

const path = join(import.meta.dirname, '../../../docs/hooks.md');
const TABLE = /(<!-- events: .*-->\n)[\s\S]*?(\nTo deny a `Stop`)/;

test('the table of events is the rules', async () => {
  const rows = hookEventNames.map((event) => {
    const { subject, decisions, rewrites, context } = ruleOf(event);
    const cells = [
      ...[`\`${event}\``, subject === null ? '' : `\`${subject}\``, decisions.join(', ')],
      ...[rewrites === null ? '' : `\`${rewrites}\``, context ? 'yes' : ''],
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const head = '\n| event | matcher against | takes | rewrites | context |\n| --- | --- | --- | --- | --- |';
  const text = readFileSync(path, 'utf8');
  const wanted = text.replace(TABLE, (_all, mark: string, after: string) => {
    return `${mark}${head}\n${rows.join('\n')}\n${after}`;
  });
  expect(wanted).toContain(rows[0]);
  await expect(wanted).toMatchFileSnapshot(path);
});
