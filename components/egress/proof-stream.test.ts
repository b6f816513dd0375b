import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { ProofEvent } from '../../shared/egress-views';
import { EventData, streamProof } from './proof-stream';

test('events come out whole however the text is cut', () => {
  const text = ': keep-alive\n\ndata: {"a":1}\n\nevent: x\r\ndata: one\r\ndata: two\r\n\r\ndata: half';
  for (let size = 1; size <= text.length; size++) {
    const events = new EventData();
    const got: string[] = [];
    for (let at = 0; at < text.length; at += size) got.push(...events.push(text.slice(at, at + size)));
    expect(got).toEqual(['{"a":1}', 'one\ntwo']);
  }
});

async function against(answer: { status: number; type: string; body: string }): Promise<ProofEvent[]> {
  const server = createServer((_request, response) => {
    response.writeHead(answer.status, { 'content-type': answer.type });
    response.end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server that listens has one
  const got: ProofEvent[] = [];
  try {
    const signal = AbortSignal.timeout(5_000);
    await streamProof(`http://127.0.0.1:${port}/x`, { body: {}, signal, onEvent: (it) => got.push(it) });
  } finally {
    server.close();
  }
  return got;
}

const check = { type: 'check', stage: 'resolve', state: 'started', name: null, message: 'Asking' } as const;

test('a stream that breaks off ends with an error', async () => {
  const body = `data: ${JSON.stringify(check)}\n\n`;
  const got = await against({ status: 200, type: 'text/event-stream', body });
  expect(got).toEqual([check, expect.objectContaining({ type: 'error', code: 'unavailable' })]);
});

test('a refusal is told with its own words, and anything else with a fixed code', async () => {
  const refused = JSON.stringify({ error: 'You may not do this.', code: 'forbidden', request_id: 'r' });
  expect(await against({ status: 403, type: 'application/json', body: refused })).toEqual([
    { type: 'error', code: 'forbidden', error: 'You may not do this.' },
  ]);
  expect(await against({ status: 502, type: 'text/html', body: '<html>' })).toEqual([
    { type: 'error', code: 'internal', error: '' },
  ]);
});
