import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readHookFile, type SecretHook, writeHookFile } from './hook-file';
import {
  claudeAnswer,
  compose,
  concerns,
  denies,
  hookEventNames,
  matcherOf,
  type Outcome,
  opinionFrom,
  opinionOf,
  rewritten,
  ruleOf,
} from './hook-rules';

const word = fc.string({ minLength: 1, maxLength: 8 });
const opinion = fc.record(
  {
    decision: fc.constantFrom('allow' as const, 'ask' as const, 'deny' as const),
    reason: word,
    rewrite: fc.dictionary(word, word),
    context: word,
    annotation: fc.jsonValue().filter((it) => it !== undefined),
    message: word,
  },
  { requiredKeys: [] },
);
const outcome: fc.Arbitrary<Outcome> = fc.record({
  name: word,
  onFailure: fc.constantFrom('allow' as const, 'deny' as const),
  result: fc.oneof(fc.record({ opinion }), fc.record({ error: word })),
});
const chain = fc.array(outcome, { maxLength: 8 });
/** What has a say: all up to and with the first deny. */
const heard = (all: Outcome[]) => {
  const at = all.findIndex(denies);
  return at === -1 ? all : all.slice(0, at + 1);
};

describe('several hooks become one', () => {
  test('it is denied exactly when one denies, or fails with that policy', () => {
    fc.assert(
      fc.property(chain, (all) => {
        const failed = all.some((it) => 'error' in it.result && it.onFailure === 'deny');
        const said = all.some((it) => 'opinion' in it.result && it.result.opinion.decision === 'deny');
        expect(compose(all).decision === 'deny').toBe(failed || said);
      }),
    );
  });

  test('ask wins over allow, and no opinion decides nothing', () => {
    fc.assert(
      fc.property(chain, (all) => {
        const decisions = heard(all).map((it) => opinionFrom(it).decision);
        const expected = (['deny', 'ask', 'allow'] as const).find((it) => decisions.includes(it)) ?? null;
        const composed = compose(all);
        expect(composed.decision).toBe(expected);
        const first = heard(all).find((it) => opinionFrom(it).decision === expected);
        expect(composed.by).toBe(first?.name ?? null);
      }),
    );
  });

  test('the last rewrite counts, contexts are joined in order, annotations are collected', () => {
    fc.assert(
      fc.property(chain, (all) => {
        const opinions = heard(all).map(opinionFrom);
        const composed = compose(all);
        expect(composed.rewrite).toBe(opinions.findLast((it) => it.rewrite !== undefined)?.rewrite);
        const contexts = opinions.flatMap((it) => (it.context === undefined ? [] : [it.context]));
        expect(composed.context).toBe(contexts.length === 0 ? null : contexts.join('\n\n'));
        expect(composed.annotations.map((it) => it.value)).toEqual(
          opinions.flatMap((it) => (it.annotation === undefined ? [] : [it.annotation])),
        );
      }),
    );
  });

  test('what stands after the first deny changes nothing; hooks without an opinion change nothing', () => {
    const silent: Outcome = { name: 'silent', onFailure: 'allow', result: { opinion: {} } };
    const dead: Outcome = { name: 'dead', onFailure: 'allow', result: { error: 'gone' } };
    fc.assert(
      fc.property(chain, chain, (all, more) => {
        if (all.some(denies)) expect(compose([...all, ...more])).toEqual(compose(all));
        expect(compose(all.flatMap((it) => [silent, it, dead]))).toEqual(compose(all));
      }),
    );
  });

  test('no answer tells Claude Code what the event does not take', () => {
    fc.assert(
      fc.property(chain, fc.constantFrom(...hookEventNames), (all, event) => {
        const answer = JSON.stringify(claudeAnswer(event, compose(all)) ?? {});
        const { decisions, context, rewrites } = ruleOf(event);
        if (!decisions.includes('deny')) expect(answer).not.toMatch(/"(block|deny)"[,}]/);
        if (!context) expect(answer).not.toContain('"additionalContext":');
        if (rewrites !== 'tool_input') expect(answer).not.toContain('"updatedInput":');
      }),
    );
  });
});

describe('one answer', () => {
  test.each([
    ['PreToolUse', { decision: 'deny', reason: 'no' }, { decision: 'deny', reason: 'no' }],
    [
      'PreToolUse',
      { hookSpecificOutput: { permissionDecision: 'ask', updatedInput: { command: 'ls' } } },
      { decision: 'ask', rewrite: { command: 'ls' } },
    ],
    ['Stop', { decision: 'block', reason: 'go on' }, { decision: 'deny', reason: 'go on' }],
    [
      'PermissionRequest',
      { hookSpecificOutput: { decision: { behavior: 'allow', updatedInput: { a: 1 } } } },
      { decision: 'allow', rewrite: { a: 1 } },
    ],
    ['Stop', { continue: false, stopReason: 'over' }, { decision: 'deny', reason: 'over', halt: true }],
    ['PostToolUse', { updatedToolOutput: 'x', annotations: [1] }, { rewrite: 'x', annotation: [1] }],
    ['UserPromptSubmit', { updatedInput: { a: 1 }, additionalContext: 'c' }, { context: 'c' }],
    ['PreToolUse', 'words', {}],
    ['PreToolUse', null, {}],
  ] as const)('%s %j', (event, given, expected) => {
    expect(opinionOf(event, given)).toEqual(expected);
  });

  test('is read again as it was written for Claude Code', () => {
    const composed = compose([
      {
        ...{ name: 'a', onFailure: 'allow' },
        result: { opinion: { decision: 'allow', reason: 'r', rewrite: { x: 1 }, context: 'c' } },
      },
    ]);
    expect(opinionOf('PreToolUse', claudeAnswer('PreToolUse', composed))).toEqual({
      ...{ decision: 'allow', reason: 'r', rewrite: { x: 1 }, context: 'c' },
    });
  });

  test('a rewrite is what the next hook sees', () => {
    const payload = { tool_name: 'Bash', tool_input: { command: 'a' } };
    expect(rewritten('PreToolUse', payload, { rewrite: { command: 'b' } })).toEqual({
      ...{ tool_name: 'Bash', tool_input: { command: 'b' } },
    });
    expect(rewritten('Stop', payload, { rewrite: 'b' })).toBe(payload);
  });
});

test('matchers', () => {
  const matches = (matcher: string, subject: string) => matcherOf(matcher)?.(subject);
  expect(matches('', 'Bash')).toBe(true);
  expect(matches('*', '')).toBe(true);
  expect(matches('Bash|Write', 'Write')).toBe(true);
  expect(matches('Bash', 'BashOutput')).toBe(false);
  expect(matches('mcp__.*', 'mcp__x__y')).toBe(true);
  expect(matcherOf('(')).toBeNull();
});

const hook: fc.Arbitrary<SecretHook> = fc
  .record({
    id: fc.uuid(),
    name: fc.stringMatching(/^[a-z]{1,8}$/),
    event: fc.constantFrom(...hookEventNames),
    matcher: fc.constantFrom('', 'Bash', 'Bash|Write', 'mcp__.*'),
    action: fc.oneof(
      fc.record({ kind: fc.constant('command' as const), command: fc.stringMatching(/^[a-z ]{0,8}x$/) }),
      fc.record({ kind: fc.constant('http' as const), url: fc.webUrl() }),
    ),
    timeoutSeconds: fc.integer({ min: 1, max: 60 }),
    onFailure: fc.constantFrom('allow' as const, 'deny' as const),
    enabled: fc.boolean(),
  })
  .map((it) => ({ ...it, secret: it.action.kind === 'http' ? 'whsec_c2VjcmV0' : null }));

describe('the file', () => {
  test('what is written is read again, in the order of each event', () => {
    fc.assert(
      fc.property(fc.array(hook, { maxLength: 10 }), (hooks) => {
        const read = readHookFile(JSON.parse(JSON.stringify(writeHookFile(hooks))));
        expect(read.problems).toEqual([]);
        for (const event of hookEventNames)
          expect(read.hooks.filter((it) => it.event === event)).toEqual(
            hooks.filter((it) => it.event === event),
          );
      }),
    );
  });

  test('anything else is told and breaks nothing', () => {
    fc.assert(fc.property(fc.jsonValue(), (content) => void readHookFile(content)));
    fc.assert(
      fc.property(
        fc.jsonValue(),
        (content) => void readHookFile({ hooks: { Stop: [{ hooks: [content] }] } }),
      ),
    );
    const { hooks, problems } = readHookFile({
      hooks: {
        Nothing: [],
        PreToolUse: [
          { matcher: 'Bash', hooks: [{ type: 'command', command: 'x', async: true }, { type: 'prompt' }] },
          { matcher: '(', hooks: [{ type: 'command', command: 'x' }] },
        ],
      },
    });
    expect(hooks).toMatchObject([
      { name: 'PreToolUse #1', matcher: 'Bash', timeoutSeconds: 10, enabled: true },
    ]);
    expect(problems).toEqual([
      'There is no event Nothing.',
      'PreToolUse #1: async means nothing here.',
      'PreToolUse #2: its type is neither command nor http.',
      'PreToolUse #2: the matcher is no regular expression.',
    ]);
  });

  test('which hooks an event concerns', () => {
    const base = readHookFile({
      hooks: { PreToolUse: [{ matcher: 'Bash', hooks: [{ type: 'command', command: 'x' }] }] },
    }).hooks[0];
    if (!base) throw new Error('no hook');
    expect(concerns(base, 'PreToolUse', { tool_name: 'Bash' })).toBe(true);
    expect(concerns(base, 'PreToolUse', { tool_name: 'Write' })).toBe(false);
    expect(concerns(base, 'PostToolUse', { tool_name: 'Bash' })).toBe(false);
    expect(concerns({ ...base, enabled: false }, 'PreToolUse', { tool_name: 'Bash' })).toBe(false);
  });
});
