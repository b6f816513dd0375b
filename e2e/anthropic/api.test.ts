import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScriptedApi, startAnthropicApi } from './api';

const key = 'sk-ant-scripted';
let api: ScriptedApi;
beforeAll(async () => {
  api = await startAnthropicApi({ key });
});
afterAll(() => api.close());

function ask(text: string, options: { stream?: boolean; key?: string } = {}): Promise<Response> {
  return fetch(`${api.url}/v1/messages?beta=true`, {
    method: 'POST',
    headers: { 'x-api-key': options.key ?? key },
    body: JSON.stringify({
      model: 'claude-opus-5-5',
      stream: options.stream ?? true,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: '<system-reminder>no</system-reminder>' },
            { type: 'text', text },
          ],
        },
      ],
    }),
  });
}

const textOf = (stream: string): string =>
  [...stream.matchAll(/"text_delta","text":("(?:[^"\\]|\\.)*")/g)]
    .map((it) => JSON.parse(it[1] ?? '""'))
    .join('');

test('streams the words it was told to say', async () => {
  const body = await (await ask('say one two three four five')).text();
  expect(body).toMatch(/^event: message_start\n/);
  expect(body).toMatch(/event: message_stop\ndata: .*\n\n$/);
  expect(body.match(/content_block_delta/g)?.length).toBeGreaterThan(2);
  expect(textOf(body)).toBe('one two three four five');
});

test('calls a tool, and answers its result', async () => {
  const body = await (await ask('run echo hi')).text();
  expect(body).toContain('"name":"Bash"');
  expect(body).toContain('"stop_reason":"tool_use"');
});

test('waits where it is held', async () => {
  const response = await ask('hold here');
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  while (!textOf(seen).includes('before here')) seen += (await reader?.read())?.value ?? '';
  expect(seen).not.toContain('after');
  await fetch(`${api.url}/scripted/release/here`, { method: 'POST' });
  for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read())
    seen += chunk.value;
  expect(textOf(seen)).toBe('before here\n\nafter here');
});

test('answers whole when it may not stream, refuses a wrong key, knows nothing else', async () => {
  expect(await (await ask('say hi', { stream: false })).json()).toMatchObject({ content: [{ text: 'hi' }] });
  expect((await ask('say hi', { key: 'wrong' })).status).toBe(401);
  expect((await fetch(`${api.url}/api/hello`, { method: 'HEAD' })).status).toBe(200);
  expect((await fetch(`${api.url}/v1/models`)).status).toBe(404);
  expect(api.requests.at(-1)).toMatchObject({ method: 'GET', path: '/v1/models' });
});
