import { expect, test } from 'vitest';
import { suggestionsOf } from './suggestions';

// As Claude Code sent them.
const rule = {
  type: 'addRules',
  rules: [{ toolName: 'Bash', ruleContent: 'npm test:*' }, { toolName: 'Read' }],
  behavior: 'allow',
  destination: 'localSettings',
};
const mode = { type: 'setMode', mode: 'acceptEdits', destination: 'session' };

test('suggestions are told in words and go back as they came', () => {
  expect(suggestionsOf([rule, mode])).toEqual([
    { label: 'Always allow Bash(npm test:*), Read in this folder', value: rule },
    { label: 'Yes, and accept edits in this session', value: mode },
  ]);
});

test.each([
  undefined,
  null,
  'x',
  [null],
  [{ type: 'new' }],
  [{ ...rule, behavior: 'deny' }],
  [{ ...mode, mode: 'x' }],
])('%j offers nothing', (given) => expect(suggestionsOf(given)).toEqual([]));
