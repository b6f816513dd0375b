import { expect, test } from 'vitest';
import { onOneLine } from './moment';

test.each([
  ['fix the tests', 'fix the tests'],
  ['\n\n  ## A **bold** plan\nand more', 'A bold plan'],
  ['- `npm test` runs *all*', 'npm test runs all'],
  ['snake_case stays', 'snake_case stays'],
  ['one two three four five six seven eight nine ten eleven', 'one two three four five six seven eight nine'],
  [`${'x'.repeat(80)} y`, 'x'.repeat(24)],
  ['---\n', ''],
])('%j is looked for as %j', (text, line) => {
  expect(onOneLine(text)).toBe(line);
});
