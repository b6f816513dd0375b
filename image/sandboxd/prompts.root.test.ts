// Prompts of any text, typed into the real Claude Code by the real tmux, and long answers: compared with what was asked.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Frame } from '../../shared/frames';
import { PROMPT_MAX_BYTES } from '../../shared/sandboxd-limits';
import { broken, ClaudeBox, of, said } from '../testing/claude-box';
import { visibleText } from './visible-text';

let claude: ClaudeBox;
let one: string;
let turns = 0;
beforeAll(async () => {
  claude = await ClaudeBox.start();
  // What `@` could be completed to.
  await claude.box.ssh('cd ~/workspace && mkdir -p src && touch a notes.md src/b.ts');
  one = await claude.open();
});
afterAll(() => claude?.remove());

/** Keys, modes and completions of Claude Code's input box, ends of a paste, and letters of all widths. */
const piece = fc.oneof(
  fc.constantFrom(
    '/',
    '!',
    '#',
    '@',
    '?',
    '&',
    '\\',
    '/clear',
    '/exit',
    '@a',
    '@src/',
    '!ls',
    '#x',
    ' ',
    '\n',
  ),
  fc.constantFrom(
    '\r',
    '\r\n',
    '\t',
    '\u0003',
    '\u0004',
    '\u0000',
    '\u001b',
    '\u001b[201~',
    '\u001b[A',
    '\u007f',
  ),
  fc.constantFrom(
    '\u009b201~',
    '\u200b',
    '\u2028',
    'é',
    '漢字',
    '👩‍👧',
    '\u0301',
    'e\u0301',
    '\u2126',
    '\u034f',
    '\u3164',
    '❤\ufe0f',
    'a\ufe0f',
    '$(id)',
    '`',
    '"',
    "'",
    '#{pane_id}',
  ),
  fc.string({ minLength: 1, maxLength: 12 }),
);
const text = fc
  .array(piece, { minLength: 1, maxLength: 10 })
  .map((pieces) => pieces.join(''))
  .filter((it) => visibleText(it) !== '');

/** All of them wait in the queue at once. Resolves with the frames of their turns. */
async function prompts(texts: string[]): Promise<Frame[]> {
  const from = (await claude.frames(one)).length;
  for (const it of texts) await claude.prompt(one, it);
  turns += texts.length;
  const frames = await claude.waitFor(
    one,
    (all) =>
      of(all, 'stop').length + of(all, 'meta').filter((it) => it.data.event === 'prompt.failed').length >=
      turns,
    60_000,
  );
  expect(broken(frames)).toEqual([]);
  return frames.slice(from);
}
const users = (frames: Frame[]) =>
  of(frames, 'text.delta').flatMap(({ data }) => (data.role === 'user' ? [data.text] : []));

/** Claude Code composes or drops something of each. */
const CHANGED = [
  're\u0301sume\u0301.pdf',
  'a\ufe0fb',
  'a\u3164b',
  'a\u115fb',
  'a\u180bb',
  'a\u034fb',
  '10 \u2126',
  '\uac00\u11a8',
];

/** No commands, though they are once Claude Code has taken out what cannot be seen; and names for which it offers files. */
const HIDDEN = [
  '\u034f/clear',
  '\u200b /clear',
  '\ufe0f!echo hidden',
  ' \u034f !echo hidden',
  '\u3164#x',
  'see @a',
  '\u034f\u200b/exit',
  '\u00ad@a',
];

it('any text reaches the model as it stands, one turn for each', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 8, maxLength: 8 }), async (texts) => {
      const frames = await prompts(texts);
      expect(users(frames).map(visibleText)).toEqual(texts.map(visibleText));
      expect(said(frames)).toHaveLength(texts.length);
    }),
    { numRuns: 4, endOnFailure: true, examples: [[CHANGED], [HIDDEN]] },
  );
}, 180_000);

it('a megabyte', async () => {
  const line = 'the quick brown fox; ';
  const large = `count 2 ${line.repeat(Math.floor((PROMPT_MAX_BYTES - 16) / line.length))}`;
  const frames = await prompts([large]);
  // In the frame it is cut; the request holds all of it.
  expect(of(frames, 'text.delta')[0]?.data).toMatchObject({ role: 'user', truncated: true });
  const { body } = claude.api.requests.findLast((it) => it.path.startsWith('/v1/messages')) ?? { body: '' };
  expect(body).toContain(large);
});

it('an answer of ten thousand lines comes whole, in many pieces, and its thinking before it', async () => {
  const [frames] = [await prompts(['count 10000'])];
  const lines = Array.from({ length: 10_000 }, (_, at) => `line ${at + 1}`).join('\n\n');
  expect(said(frames)).toEqual([lines]);
  expect(of(frames, 'text.delta').length).toBeGreaterThan(2_000);
  expect(of(frames, 'usage')).toHaveLength(1);
}, 60_000);

it('each frame of a turn follows from the script, in its order', async () => {
  const frames = await prompts(['think first a thought | then some words', 'both echo a ;; echo b']);
  const told = frames.flatMap((it) => {
    if (it.kind === 'thinking') return ['thinking'];
    if (it.kind === 'text.delta') return [it.data.role === 'user' ? 'prompt' : 'text'];
    if (it.kind === 'tool.use.start' || it.kind === 'tool.use.result' || it.kind === 'usage')
      return [it.kind];
    return it.kind === 'stop' ? [`stop ${it.turn}`] : [];
  });
  // Pieces of one kind that follow each other count as one.
  const order = told.filter((it, at) => it !== told[at - 1] || it.startsWith('tool'));
  expect(order.slice(0, 6)).toEqual([
    ...['prompt', 'thinking', 'text', 'usage', `stop ${turns - 1}`],
    'prompt',
  ]);
  expect(order.slice(-3)).toEqual(['text', 'usage', `stop ${turns}`]);
  // Claude Code runs the first tool while the answer that asks for the second still comes: who is faster is no promise,
  // but each start before its result (`broken`), and in the script's order.
  expect(order.slice(6, -3).sort()).toEqual([
    ...['tool.use.result', 'tool.use.result', 'tool.use.start', 'tool.use.start', 'usage'],
  ]);
  const commands = of(frames, 'tool.use.start').map((it) => it.data.input);
  expect(commands).toMatchObject([{ command: 'echo a' }, { command: 'echo b' }]);
  const thoughts = of(frames, 'thinking').map((it) => it.data.text);
  expect(thoughts.join('')).toBe('first a thought');
  expect(said(frames)[0]).toBe('then some words');
});
