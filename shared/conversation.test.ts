import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Conversation } from './conversation';
import type { Item } from './conversation-items';
import { type Frame, type FrameData, type FrameKind, frameSchema } from './frames';

const session = '01234567-89ab-4cde-8f01-23456789abcd';
type Place = { turn?: number; agent?: string };

/** Writes frames as sandboxd does: numbered, one second apart. */
class Journal {
  readonly frames: Frame[] = [];
  put<K extends FrameKind>(kind: K, data: FrameData<K>, place: Place = {}): this {
    const seq = this.frames.length + 1;
    const ts = new Date(Date.UTC(2026, 10, 21) + seq * 1000).toISOString();
    // `kind` and `data` belong together by this function's own type.
    this.frames.push({ seq, session, ts, kind, data, ...place } as unknown as Frame);
    return this;
  }
  user(text: string, turn: number): this {
    return this.put('text.delta', { role: 'user', text }, { turn });
  }
  says(messageId: string, pieces: string[], place: Place, type: 'text' | 'thinking' = 'text'): this {
    let offset = 0;
    for (const text of pieces) {
      const data = { messageId, block: type === 'text' ? 1 : 0, offset, text };
      if (type === 'text') this.put('text.delta', { role: 'assistant', ...data }, place);
      else this.put('thinking', data, place);
      offset += text.length;
    }
    return this;
  }
}

function fold(frames: readonly Frame[], into = new Conversation()): Conversation {
  for (const frame of frames) into.apply(frame);
  return into;
}

/** All that can be seen, with versions, as plain data. */
function seen(it: Conversation) {
  const { items, turns, requests, todos, tokens, status, context, model, title, lastSeq, running } = it;
  const { version, structure } = it;
  const agents = [...it.agents];
  const rest = { status, context, model, title, lastSeq, running, version, structure };
  return structuredClone({ items, turns, requests, todos, tokens, agents, usage: [...it.usage], ...rest });
}
const everything = (it: Conversation): Item[] => [
  ...it.items,
  ...[...it.agents.values()].flatMap((agent) => agent.items),
];
const types = (items: readonly Item[]) => items.map((it) => it.type);

describe('a conversation', () => {
  test('has a turn with its text, thinking, tool and figures', () => {
    const turn = { turn: 1 };
    const { frames } = new Journal()
      .put('status', { state: 'working', elapsedMs: 0 }, turn)
      .user('do it', 1)
      .says('m1', ['hm', 'm'], turn, 'thinking')
      .says('m1', ['I ', 'will.'], turn)
      .put('tool.use.start', { toolUseId: 't1', tool: 'Bash', input: { command: 'ls' } }, turn);
    const it = fold(frames);
    expect(types(it.items)).toEqual(['user', 'thinking', 'text', 'tool']);
    expect(it.items.map((item) => ('text' in item ? item.text : null))).toEqual([
      'do it',
      'hmm',
      'I will.',
      null,
    ]);
    expect(it.items.map((item) => 'open' in item && item.open)).toEqual([false, false, false, false]);
    expect(it.running).toMatchObject({ number: 1, prompt: 'do it', first: 'user-2' });
    expect(it.tool('t1')).toMatchObject({ state: 'running', tool: 'Bash' });

    const usage = {
      input: 1,
      output: 2,
      cacheRead: 3,
      cacheWrite: 4,
      model: 'opus',
      purpose: 'turn',
    } as const;
    const more = new Journal();
    more.frames.push(...frames);
    more
      .put(
        'tool.use.result',
        { toolUseId: 't1', tool: 'Bash', isError: true, output: 'no', durationMs: 5 },
        turn,
      )
      .put('usage', { messageId: 'm1', ...usage }, turn)
      .put('stop', { scope: 'turn', reason: 'completed', durationMs: 9 }, turn);
    fold(more.frames, it);
    expect(it.tool('t1')).toMatchObject({ state: 'failed', output: 'no', durationMs: 5 });
    expect(it.items.at(-1)).toMatchObject({ type: 'stop', tokens: { input: 1, output: 2 }, durationMs: 9 });
    expect(it.turns).toMatchObject([{ endedAt: expect.any(String), reason: 'completed' }]);
    expect(it.running).toBeNull();
  });

  test('only what changed has a new version', () => {
    const journal = new Journal().user('a', 1).says('m1', ['x'], { turn: 1 });
    const it = fold(journal.frames);
    const before = it.items.map((item) => item.version);
    journal.says('m2', ['y'], { turn: 1 });
    fold(journal.frames, it);
    // The first text rests now: another message goes on.
    expect(it.items.map((item, at) => item.version > (before[at] ?? 0))).toEqual([false, true, true]);
    const { structure } = it;
    journal.put(
      'text.delta',
      { role: 'assistant', messageId: 'm2', block: 1, offset: 1, text: 'z' },
      { turn: 1 },
    );
    fold(journal.frames, it);
    expect(it.structure).toBe(structure);
    expect(it.items.at(-1)).toMatchObject({ text: 'yz', version: it.version });
  });

  test('puts a subagent into its call, and sets right which call it was', () => {
    const turn = { turn: 1 };
    const agent = { turn: 1, agent: 'a7' };
    const call = (toolUseId: string) => ({ toolUseId, tool: 'Agent', input: { prompt: toolUseId } });
    const journal = new Journal()
      .user('two', 1)
      .put('tool.use.start', call('one'), turn)
      .put('tool.use.start', call('two'), turn)
      .put('hook', { event: 'SubagentStart', payload: { agent_type: 'Explore' } }, agent)
      .says('s1', ['looking'], agent)
      .put('permission.request', { requestId: 'r1', tool: 'Bash', input: {} }, agent);
    const it = fold(journal.frames);
    expect(types(it.items)).toEqual(['user', 'tool', 'tool']);
    expect(it.tool('one')?.runs).toBe('a7');
    expect(it.agents.get('a7')).toMatchObject({ kind: 'Explore', items: [{ text: 'looking' }, {}] });
    expect(it.requests.map((request) => request.agent)).toEqual(['a7']);
    const { version = 0 } = it.tool('one') ?? {};
    journal.says('s2', ['more'], agent);
    fold(journal.frames, it);
    expect(it.tool('one')?.version).toBeGreaterThan(version);
    journal.put(
      'tool.use.result',
      { toolUseId: 'two', tool: 'Agent', isError: false, output: '', result: { agentId: 'a7' } },
      turn,
    );
    fold(journal.frames, it);
    expect([it.tool('one')?.runs, it.tool('two')?.runs]).toEqual([null, 'a7']);
  });

  test('a subagent without a call stands alone; its end is not the end of the turn', () => {
    const journal = new Journal()
      .user('x', 1)
      .says('s1', ['alone'], { turn: 1, agent: 'b' })
      .put('stop', { scope: 'turn', reason: 'completed' }, { turn: 1, agent: 'b' });
    const it = fold(journal.frames);
    expect(types(it.items)).toEqual(['user', 'agent']);
    expect(it.running?.number).toBe(1);
  });

  test('a cut answer is void, a call that got no result is lost, late text opens no turn', () => {
    const turn = { turn: 1 };
    const journal = new Journal()
      .user('x', 1)
      .says('cut', ['half an'], turn)
      .put('meta', { event: 'message.discarded', messageId: 'cut' }, turn)
      .put('tool.use.start', { toolUseId: 't', tool: 'Bash', input: {} }, turn)
      .put('stop', { scope: 'turn', reason: 'interrupted' }, turn)
      .user('y', 2)
      .says('late', ['straggler'], turn);
    const it = fold(journal.frames);
    expect(it.items[1]).toMatchObject({ text: 'half an', discarded: true, open: false });
    expect(it.tool('t')?.state).toBe('interrupted');
    expect(it.turns.map((each) => [each.number, each.endedAt !== null])).toEqual([
      [1, true],
      [2, false],
    ]);
    expect(it.running?.number).toBe(2);
  });

  test('a request closes once, whoever answered', () => {
    const journal = new Journal()
      .put('ask.question', { requestId: 'q', questions: [] }, { turn: 1 })
      .put('permission.request', { requestId: 'p', tool: 'Bash', input: {} }, { turn: 1 })
      .put('request.closed', { requestId: 'q', by: 'answer', behavior: 'allow', answers: { a: 'b' } })
      .put('request.closed', { requestId: 'unknown', by: 'gone' });
    const it = fold(journal.frames);
    expect(it.requests.map((request) => request.requestId)).toEqual(['p']);
    expect(it.items[0]).toMatchObject({ closed: { by: 'answer', answers: { a: 'b' } } });
  });
});

/** What may happen next, as numbers that pick among what is possible. */
const steps = fc.array(fc.tuple(fc.nat(11), fc.nat(1000), fc.string({ minLength: 1, maxLength: 12 })), {
  maxLength: 120,
});

/** A journal that keeps the promises at the head of frames.ts, from any such list. */
function validJournal(list: readonly [number, number, string][]): Frame[] {
  const journal = new Journal();
  let turn = 0;
  let running = false;
  let message = 0;
  let at = 0;
  let agents = 0;
  const openTools: { id: string; place: Place }[] = [];
  const openRequests: string[] = [];
  let unused = true;
  const place = (pick: number): Place =>
    agents > 0 && pick % 3 === 0 ? { turn, agent: `agent${pick % agents}` } : { turn };
  const closeMessage = () => {
    if (unused) return;
    unused = true;
    const usage = {
      model: 'opus',
      input: 1,
      output: 1,
      cacheRead: 0,
      cacheWrite: 0,
      purpose: 'turn',
    } as const;
    journal.put('usage', { messageId: `m${message}`, ...usage }, { turn });
  };
  for (const [action, pick, text] of list) {
    if (!running) {
      turn++;
      running = true;
      journal.put('status', { state: 'working', elapsedMs: 0 }, { turn }).user(text, turn);
      continue;
    }
    if (action <= 3) {
      if (unused) {
        message++;
        at = 0;
        unused = false;
      }
      const data = { messageId: `m${message}`, block: 0, offset: at, text };
      journal.put('text.delta', { role: 'assistant', ...data }, { turn });
      at += text.length;
    } else if (action === 4) {
      closeMessage();
    } else if (action === 5) {
      const id = `t${journal.frames.length}`;
      const where = place(pick);
      openTools.push({ id, place: where });
      journal.put('tool.use.start', { toolUseId: id, tool: pick % 2 ? 'Bash' : 'Agent', input: {} }, where);
    } else if (action === 6 && openTools.length > 0) {
      const [tool] = openTools.splice(pick % openTools.length, 1);
      const data = { toolUseId: tool?.id ?? '', tool: 'Bash', isError: pick % 2 === 0, output: text };
      journal.put('tool.use.result', data, tool?.place);
    } else if (action === 7) {
      const requestId = `r${journal.frames.length}`;
      openRequests.push(requestId);
      journal.put('permission.request', { requestId, tool: 'Bash', input: {} }, place(pick));
    } else if (action === 8 && openRequests.length > 0) {
      const [requestId = ''] = openRequests.splice(pick % openRequests.length, 1);
      journal.put('request.closed', { requestId, by: 'terminal' });
    } else if (action === 9) {
      const agent = `agent${agents++}`;
      journal.says(`${agent}-${journal.frames.length}`, [text, text], { turn, agent }, 'thinking');
    } else if (action === 10 && !unused) {
      journal.put('meta', { event: 'message.discarded', messageId: `m${message}` }, { turn });
      unused = true;
    } else if (action === 11) {
      closeMessage();
      for (const requestId of openRequests.splice(0))
        journal.put('request.closed', { requestId, by: 'gone' });
      journal.put('stop', { scope: 'turn', reason: pick % 2 ? 'completed' : 'interrupted' }, { turn });
      running = false;
    }
  }
  return journal.frames;
}

describe('any valid journal', () => {
  const journals = steps.map(validJournal);

  test('the generator keeps to the schema', () => {
    fc.assert(
      fc.property(journals, (frames) => frames.every((it) => frameSchema.safeParse(it).success)),
      { numRuns: 20 },
    );
  });

  test('is told whole: texts, tools, requests, figures', () => {
    fc.assert(
      fc.property(journals, (frames) => {
        const it = fold(frames);
        const said = new Map<string, string>();
        const add = (type: string, data: { messageId: string; block: number; text: string }) => {
          const key = `${type}-${data.messageId}-${data.block}`;
          said.set(key, (said.get(key) ?? '') + data.text);
        };
        for (const { kind, data } of frames)
          if (kind === 'thinking') add('thinking', data);
          else if (kind === 'text.delta' && data.role === 'assistant') add('text', data);
        const all = everything(it);
        const texts = all.flatMap((item) =>
          item.type === 'text' || item.type === 'thinking' ? [[item.id, item.text] as const] : [],
        );
        expect(new Map(texts)).toEqual(said);
        const count = (kind: Frame['kind']) => frames.filter((frame) => frame.kind === kind).length;
        expect(all.filter((item) => item.type === 'tool')).toHaveLength(count('tool.use.start'));
        expect(all.filter((item) => item.type === 'permission')).toHaveLength(count('permission.request'));
        expect(it.requests).toHaveLength(count('permission.request') - count('request.closed'));
        expect(it.tokens.input).toBe(count('usage'));
        expect(it.turns.filter((turn) => turn.endedAt !== null)).toHaveLength(count('stop'));
        expect(new Set(all.map((item) => item.id)).size).toBe(all.length);
        for (const items of [it.items, ...[...it.agents.values()].map((agent) => agent.items)])
          expect(items.map((item) => item.seq)).toEqual(items.map((item) => item.seq).sort((a, b) => a - b));
        if (!it.running) {
          expect(it.items.some((item) => 'open' in item && item.open)).toBe(false);
          const own = it.items.filter((item) => item.type === 'tool' && item.state === 'running');
          expect(own).toEqual([]);
        }
        // A subagent hangs on at most one call, and that call knows it.
        const runs = all.flatMap((item) => (item.type === 'tool' && item.runs !== null ? [item.runs] : []));
        expect(new Set(runs).size).toBe(runs.length);
      }),
    );
  });

  test('cut anywhere and gone on with, with frames twice, it is the same', () => {
    fc.assert(
      fc.property(journals, fc.array(fc.nat(200), { maxLength: 4 }), (frames, cuts) => {
        const whole = seen(fold(frames));
        const parts = new Conversation();
        for (const cut of [...cuts, frames.length].sort((a, b) => a - b)) {
          const from = Math.max(0, parts.lastSeq - 3);
          fold(frames.slice(from, cut), parts);
        }
        expect(seen(parts)).toEqual(whole);
      }),
    );
  });

  test('begun in the middle, it has the rest', () => {
    fc.assert(
      fc.property(journals, fc.nat(200), (frames, cut) => {
        const whole = fold(frames);
        const rest = fold(frames.slice(cut));
        for (const item of everything(rest)) {
          if (item.type !== 'text' && item.type !== 'thinking') continue;
          const full = whole.item(item.id);
          expect(full && 'text' in full && full.text.endsWith(item.text)).toBe(true);
          expect(item.headless).toBe(full && 'text' in full && full.text !== item.text);
        }
        const last = (it: Conversation) => it.running?.number ?? null;
        if (cut < frames.length && last(whole) !== null && rest.turns.length > 0)
          expect(last(rest)).toBe(last(whole));
      }),
    );
  });
});
