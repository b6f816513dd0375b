/** Readers of a turn whose words are the times at which they were sent. */
import { chromium } from 'playwright-core';
import { now } from './frames-api';
import type { Product } from './product';

const DEADLINE_MS = 180_000;
const CHROMIUM = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];

/** When each word came, as its sender wrote it: milliseconds on the way. */
export interface Heard {
  late: number[];
  frames: number;
  /** From the first word's sending to the last one's coming. */
  tookMs: number;
}
/** Reads until the turn's stop. */
export type Reader = () => Promise<Heard>;
interface Said {
  kind: string;
  data: { role?: string; text?: string; scope?: string };
}

function collect(): { take(frame: Said): boolean; heard(): Heard } {
  const late: number[] = [];
  const first: number[] = [];
  let frames = 0;
  let lastAt = 0;
  return {
    take(frame) {
      frames += 1;
      if (frame.kind === 'text.delta' && frame.data.role === 'assistant') {
        lastAt = now();
        for (const word of (frame.data.text ?? '').split(' ')) {
          if (word === '') continue;
          if (first.length === 0) first.push(Number(word));
          late.push(lastAt - Number(word));
        }
      }
      return frame.kind === 'stop' && frame.data.scope === 'turn';
    },
    heard: () => ({ late, frames, tookMs: lastAt - (first[0] ?? Number.NaN) }),
  };
}

/** The stream itself, without anything of ours. */
export async function directly(api: string, words: number, pauseMs: number): Promise<Heard> {
  const all = collect();
  const content = `bench ${words} ${pauseMs}`;
  const response = await fetch(`${api}/v1/messages`, {
    method: 'POST',
    body: JSON.stringify({ messages: [{ role: 'user', content }] }),
  });
  for await (const data of events(response)) {
    const text = (JSON.parse(data) as { delta?: { text?: string } }).delta?.text; // our own API
    if (text !== undefined) all.take({ kind: 'text.delta', data: { role: 'assistant', text } });
  }
  return all.heard();
}

async function* events(response: Response): AsyncGenerator<string> {
  let rest = '';
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) {
    const lines = (rest + chunk.value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('data: ')) yield line.slice(6);
  }
}

const framesPath = (session: string, from: number) => `/api/sessions/${session}/frames?from=${from}`;

export async function byProgram(product: Product, session: string, from: number): Promise<Reader> {
  const response = await product.fetch('GET', framesPath(session, from));
  if (!response.ok) throw new Error(`frames: ${response.status}`);
  return async () => {
    const all = collect();
    for await (const data of events(response)) if (all.take(JSON.parse(data) as Said)) break;
    return all.heard();
  };
}

/** In a page: its clock is the machine's too. Words come back with the time at which the page had them. */
export async function byBrowser(product: Product, session: string, from: number) {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: CHROMIUM });
  const context = await browser.newContext();
  const [name = '', value = ''] = product.cookie.split(/=(.*)/s);
  await context.addCookies([{ name, value: value.split(';')[0] ?? '', url: product.url }]);
  const page = await context.newPage();
  await page.goto(`${product.url}/healthz`);
  const heard = page.evaluate(
    ({ path, until }) =>
      new Promise<number[]>((resolve, reject) => {
        const late: number[] = [];
        const source = new EventSource(path);
        source.addEventListener('text.delta', ({ data }) => {
          const at = performance.timeOrigin + performance.now();
          const said = JSON.parse(data).data;
          if (said.role !== 'assistant') return;
          for (const word of said.text.split(' ')) if (word) late.push(at - Number(word));
        });
        source.addEventListener('stop', () => {
          source.close();
          resolve(late);
        });
        setTimeout(() => reject(new Error('no stop came')), until);
      }),
    { path: framesPath(session, from), until: DEADLINE_MS },
  );
  return { heard, close: () => browser.close() };
}
