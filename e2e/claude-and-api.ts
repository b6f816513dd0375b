/** The real Claude Code and the API behind its session: the same bytes, the same figures, the same errors. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Exchange, ExchangeSummary, TurnSummary } from '../shared/sandboxd-api';
import type { TokenCounts, UsageRequest, UsageSum } from '../shared/usage';
import type { Account } from './account';
import { type RecordedRequest, type ScriptedApi, startAnthropicApi } from './anthropic/api';
import { until } from './until';

const KEY = 'sk-of-one-person-alone';
const MESSAGES = '/v1/messages';
const COUNTED_MS = 10_000;

interface Given {
  admin: Account;
  sandboxId: string;
  /** A terminal of a session, until the end of the test. */
  open(sessionId: string): { shows(what: RegExp): Promise<void> };
}

/** `given`: read when the tests run. */
export function claudeAndApi(given: () => Given): void {
  describe('what passes between Claude and its API', () => {
    let api: ScriptedApi;
    let admin: Account;
    let provider = '';
    let session = '';
    const asked = (words = '"model"') =>
      api.requests.filter((it) => it.path.startsWith(MESSAGES) && it.body.includes(words));
    const get = <T>(path: string) => admin.call<T>('GET', path);
    const send = async (prompt: string): Promise<string> => {
      const path = `/api/sessions/${session}/send`;
      const { messages } = await admin.call<{ messages: { text?: string }[] }>('POST', path, { prompt });
      return messages.at(-1)?.text ?? '';
    };
    /** How the turn of a prompt went, which ends with an error. */
    const failure = async (prompt: string): Promise<string> => {
      await send(prompt);
      return until('the turn is kept', COUNTED_MS, async () => {
        const { turns } = await get<{ turns: TurnSummary[] }>(`/api/sessions/${session}/turns`);
        const turn = turns.find((it) => it.prompt === prompt);
        return turn && `${turn.reason}: ${turn.error}`;
      });
    };
    const usage = () =>
      get<UsageRequest[]>(
        `/api/usage/requests?sandboxId=${given().sandboxId}&sessionId=${session}&limit=500`,
      );

    beforeAll(async () => {
      admin = given().admin;
      api = await startAnthropicApi({ key: KEY, caching: true });
      const host = { label: 'Caching', api_host: api.url, api_key: KEY, auth: 'x-api-key' };
      provider = (await admin.call<{ id: string }>('POST', '/api/providers', host)).id;
      const wanted = { sandbox_id: given().sandboxId, kind: 'claude', provider_id: provider };
      session = (await admin.call<{ id: string }>('POST', '/api/sessions', wanted)).id;
      await until('the session takes a prompt', 30_000, async () => {
        const { state, last_seq } = await get<{ state: string; last_seq: number }>(
          `/api/sessions/${session}`,
        );
        return state === 'idle' && last_seq > 0;
      });
    });
    afterAll(async () => {
      await admin.call('DELETE', `/api/sessions/${session}`);
      await admin.call('DELETE', `/api/providers/${provider}`);
      await api.close();
    });

    test('prompt caching: bodies byte for byte, figures as without a gateway, turn by turn', async () => {
      for (const words of ['one', 'two', 'three']) expect(await send(`say ${words}`)).toBe(words);

      const sent = asked();
      const { exchanges } = await get<{ exchanges: ExchangeSummary[] }>(`/api/sessions/${session}/exchanges`);
      const seen = await Promise.all(
        exchanges
          .filter((it) => it.path.includes(MESSAGES))
          .map((it) => get<Exchange>(`/api/sessions/${session}/exchanges/${it.exchange}`)),
      );
      // As it left Claude Code in the sandbox, and as it arrived.
      expect(seen.map((it) => it.requestBody).sort()).toEqual(sent.map((it) => it.body).sort());

      const direct = await withoutGateway(sent);
      const atClaude = new Map(seen.map((it) => [it.requestBody, it.tokens]));
      expect(sent.map((it) => atClaude.get(it.body))).toEqual(
        direct.map(({ cacheWriteHour: _hour, ...tokens }) => tokens),
      );
      const counted = await until('all of it is counted', COUNTED_MS, async () => {
        const all = await usage();
        return all.length === sent.length && all.every((it) => it.state === 'done') ? all : null;
      });
      expect(ordered(counted.map(figures))).toEqual(ordered(direct));
      // What the first turn wrote the others read.
      expect(direct.at(0)?.cacheRead).toBe(0);
      for (const it of direct.slice(-2)) expect(it.cacheRead).toBeGreaterThan(1_000);

      // The last one waits a moment for what Claude Code says of its cost.
      const turns = await until('three turns are kept', COUNTED_MS, async () => {
        const found = await get<{ turns: TurnSummary[] }>(`/api/sessions/${session}/turns`);
        return found.turns.length === 3 ? found.turns : null;
      });
      const days = `from=${counted.at(-1)?.at.slice(0, 10)}&to=${counted[0]?.at.slice(0, 10)}`;
      const sums = await get<UsageSum[]>(`/api/usage?by=turn&sessionId=${session}&${days}`);
      expect(sums.map((it) => [it.name, it.detail])).toEqual([
        ['Turn 3', 'say three'],
        ['Turn 2', 'say two'],
        ['Turn 1', 'say one'],
      ]);
      expect(
        sums.map(({ input, output, cacheRead, cacheWrite }) => ({ input, output, cacheRead, cacheWrite })),
      ).toEqual(turns.map((it) => it.tokens).reverse());
      const [whole] = await get<UsageSum[]>(
        `/api/usage?by=session&${days}&sandboxId=${given().sandboxId}`,
      ).then((all) => all.filter((it) => it.key === session));
      expect(whole?.costUsd).toBeCloseTo(
        sums.reduce((sum, it) => sum + it.costUsd, 0),
        9,
      );
      expect(whole?.costUsd).toBeGreaterThan(0);
    });

    test('errors reach Claude Code: it tries again when that helps, and shows what does not', async () => {
      expect(await send('fail 529 2 after two refusals')).toBe('after two refusals');
      expect(asked('fail 529 2')).toHaveLength(3);

      expect(await send('fail 429 1 after a pause')).toBe('after a pause');
      const [first, second] = asked('fail 429 1');
      // `retry-after` has come along.
      expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_000);

      expect(await send('fail drop 1 after a break')).toBe('after a break');
      expect(asked('fail drop 1')).toHaveLength(2);

      expect(await send('fail error 1 after an error event')).toBe('after an error event');
      expect(asked('fail error 1')).toHaveLength(2);
      expect(await failure('fail 401 99 never at all')).toBe('failed: authentication_failed');
      expect(await send('say still here')).toBe('still here');

      const failed = await until('errors are counted', COUNTED_MS, async () => {
        const all = (await usage()).filter((it) => it.state === 'failed');
        return all.length >= 4 ? all : null;
      });
      expect(failed.map((it) => it.status).sort()).toEqual([401, 429, 529, 529]);
      expect(failed.every((it) => it.costUsd === 0 && it.input === 0)).toBe(true);
      expect((await usage()).some((it) => it.state === 'cut' && it.input + it.cacheRead > 0)).toBe(true);
    });

    test('a budget that is used up is said in the conversation, which goes on when there is one again', async () => {
      const of = { target: 'sandbox', targetId: given().sandboxId, window: 'day', measure: 'requests' };
      await admin.call('PUT', '/api/budgets', { ...of, limit: 0 });
      expect(await failure('say too much')).toBe('failed: rate_limit');
      await given()
        .open(session)
        .shows(/budget\s+of\s+0\s+requests\s+a\s+day\s+for\s+this\s+sandbox/);
      expect(asked('say too much')).toEqual([]);
      await admin.call('PUT', '/api/budgets', { ...of, limit: null });
      expect(await send('say enough')).toBe('enough');
    });
  });
}

/** The same requests in the same order to such an API itself. */
async function withoutGateway(sent: readonly RecordedRequest[]): Promise<TokenCounts[]> {
  const api = await startAnthropicApi({ key: KEY, caching: true });
  const found: TokenCounts[] = [];
  for (const { path, body } of sent) {
    const answer = await fetch(api.url + path, { method: 'POST', headers: { 'x-api-key': KEY }, body });
    const text = await answer.text();
    const last = [...text.matchAll(/"usage":(\{(?:[^{}]|\{[^{}]*\})*\})/g)].at(-1)?.[1] ?? '{}';
    const told = JSON.parse(last);
    found.push({
      ...{ input: told.input_tokens, output: told.output_tokens },
      ...{ cacheRead: told.cache_read_input_tokens, cacheWrite: told.cache_creation_input_tokens },
      cacheWriteHour: told.cache_creation.ephemeral_1h_input_tokens,
    });
  }
  await api.close();
  return found;
}

const figures = ({ input, output, cacheRead, cacheWrite, cacheWriteHour }: TokenCounts): TokenCounts => ({
  ...{ input, output, cacheRead, cacheWrite, cacheWriteHour },
});
const ordered = (all: TokenCounts[]) => all.map((it) => JSON.stringify(it)).sort();
