import { expect, test } from 'vitest';
import { hookEventNames, ruleOf } from '../../shared/hook-rules';
import { hookSamples } from '../../shared/hook-samples';
import { abilities, eventGroups, moved, subjectWords } from './words';

test('every event is offered once, says what it can do, and has a sample of its own', () => {
  expect(eventGroups.flatMap((it) => it.events).sort()).toEqual([...hookEventNames].sort());
  for (const event of hookEventNames) {
    expect(abilities(event)).toMatch(/^It can .*annotate\.$/);
    const { subject } = ruleOf(event);
    expect(hookSamples[event].hook_event_name).toBe(event);
    if (subject === null) continue;
    expect(subjectWords[subject]).toBeDefined();
    expect(typeof hookSamples[event][subject]).toBe('string');
  }
  expect(abilities('PreToolUse')).toBe(
    'It can allow, have a person asked, deny, rewrite the input, tell Claude more and annotate.',
  );
  expect(abilities('CwdChanged')).toBe('It can annotate.');
});

test('moving stays inside of the list', () => {
  expect(moved(['a', 'b', 'c'], 2, -1)).toEqual(['a', 'c', 'b']);
  expect(moved(['a', 'b', 'c'], 0, 1)).toEqual(['b', 'a', 'c']);
  expect(moved(['a', 'b'], 0, -1)).toEqual(['a', 'b']);
  expect(moved(['a', 'b'], 1, 1)).toEqual(['a', 'b']);
});
