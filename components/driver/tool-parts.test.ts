import { describe, expect, test } from 'vitest';
import type { ToolItem } from '../../shared/conversation-items';
import {
  changedLines,
  faceOf,
  fileOf,
  imagesOf,
  patchOf,
  plannedPatch,
  shellOf,
  unifiedDiff,
} from './tool-parts';

const item = (change: Partial<ToolItem>): ToolItem => ({
  type: 'tool',
  id: 'tool-1',
  seq: 1,
  ts: '2026-11-21T10:00:00.000Z',
  version: 1,
  toolUseId: '1',
  tool: 'Read',
  input: {},
  state: 'done',
  output: '',
  result: undefined,
  durationMs: null,
  truncated: false,
  runs: null,
  ...change,
});

describe('an edit', () => {
  const result = {
    structuredPatch: [{ oldStart: 3, oldLines: 2, newStart: 3, newLines: 2, lines: [' a', '-b', '+c'] }],
  };
  test('is the patch of its result', () => {
    const hunks = patchOf(result) ?? [];
    expect(changedLines(hunks)).toEqual({ added: 1, removed: 1 });
    expect(unifiedDiff('x.ts', hunks)).toBe('--- a/x.ts\n+++ b/x.ts\n@@ -3,2 +3,2 @@\n a\n-b\n+c\n');
  });
  test('is what it asks for, before', () => {
    expect(plannedPatch({ old_string: 'a\nb', new_string: 'c' })?.[0]?.lines).toEqual(['-a', '-b', '+c']);
    expect(plannedPatch({ content: 'one\ntwo\n' })?.[0]?.lines).toEqual(['+one', '+two']);
    expect(plannedPatch({ edits: [{ old_string: '1', new_string: '2' }] })).toHaveLength(1);
    expect(plannedPatch({ command: 'ls' })).toBeNull();
  });
  test.each([null, {}, { structuredPatch: [] }, { structuredPatch: 'x' }])('%j holds no patch', (it) =>
    expect(patchOf(it)).toBeNull(),
  );
});

test('a file is read from the result, or from numbered lines', () => {
  const result = { type: 'text', file: { filePath: '/a.ts', content: 'x', startLine: 5 } };
  expect(fileOf(item({ result }))).toEqual({ path: '/a.ts', text: 'x', firstLine: 5 });
  const numbered = item({ input: { file_path: '/b' }, output: '     7→seven\n     8→eight' });
  expect(fileOf(numbered)).toEqual({ path: '/b', text: 'seven\neight', firstLine: 7 });
  expect(fileOf(item({}))).toBeNull();
});

test('a command has both of its outputs, or the one text there is', () => {
  const input = { command: 'ls' };
  const both = { command: 'ls', stdout: 'o', stderr: 'e' };
  expect(shellOf(item({ input, result: { stdout: 'o', stderr: 'e' } }))).toEqual(both);
  expect(shellOf(item({ input, output: 'all' }))).toEqual({ command: 'ls', stdout: 'all', stderr: '' });
});

test('pictures are found wherever they are; a cut one is told', () => {
  const api = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } };
  expect(imagesOf([{ content: [api] }])).toEqual({ images: ['data:image/png;base64,aGk='], cut: false });
  expect(imagesOf({ type: 'image', file: { base64: 'aGk=', type: 'image/jpeg' } }).images).toHaveLength(1);
  expect(imagesOf({ media_type: 'image/png', data: 'aGk…' })).toEqual({ images: [], cut: true });
  expect(imagesOf({ media_type: 'image/svg+xml', data: 'aGk=' }).images).toEqual([]);
});

test.each([
  ['Bash', { command: 'npm test\necho' }, 'Bash npm test'],
  ['Edit', { file_path: '/w/src/a.ts' }, 'Edit src/a.ts'],
  ['Agent', { subagent_type: 'Explore', description: 'look' }, 'Explore look'],
  ['mcp__git__log', { path: '/w/x' }, 'git: log x'],
  ['Unknown', null, 'Unknown '],
])('%s says %j as %s', (tool, input, said) => {
  const face = faceOf(tool, input, '/w');
  expect(`${face.title} ${face.detail}`).toBe(said);
});
