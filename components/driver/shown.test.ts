import { expect, test } from 'vitest';
import { commandOf, taskNote } from './shown';

test.each([
  [
    '<command-name>/model</command-name>\n <command-message>model</command-message>\n<command-args>haiku</command-args>',
    { name: '/model', args: 'haiku' },
  ],
  ['<command-name>/clear</command-name><command-args></command-args>', { name: '/clear', args: '' }],
  ['<local-command-stdout>Set model to `Haiku`</local-command-stdout>', null],
  ['/compact', null],
])('%j is the command %j', (text, command) => {
  expect(commandOf(text)).toEqual(command);
});

test.each([
  ['<task-notification>\n<summary>Agent "x" finished</summary>\n</task-notification>', 'Agent "x" finished'],
  ['<task-notification></task-notification>', 'A background task has news'],
  ['what is a <task-notification>?', null],
])('%j tells %j', (text, note) => {
  expect(taskNote(text)).toBe(note);
});
