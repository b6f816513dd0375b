/** One small request to a provider, shown as it was made: what a person needs to mend a key, an address or a model. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { PROVIDER_PROBE_MS, type ProviderProbe } from '../../../shared/providers';
import type { Credential } from '../../gateway/proxy-headers';
import { basePathOf, type Dialer, type Upstream } from '../../gateway/upstreams';
import { AddressRefused } from '../../outbound/addresses';

/** The smallest one of Anthropic's: a probe costs next to nothing. */
const MODEL = 'claude-haiku-4-5';
const ANSWER_MAX_CHARS = 4 * 1024;
/** A key that begins in what is shown is here whole. */
const ANSWER_MAX_BYTES = 32 * 1024;
/** Without it the API refuses tokens of a Claude log-in. */
const SYSTEM = "You are Claude Code, Anthropic's official CLI for Claude.";
const MASKED_TAIL_CHARS = 4;

export async function probeUpstream(
  dialer: Dialer,
  upstream: Upstream,
  wanted: string | undefined,
): Promise<ProviderProbe> {
  const { base, credential, models } = upstream;
  const first = models ? [...models.values()][0] : undefined;
  const model = wanted === undefined ? (models?.get('*') ?? first ?? MODEL) : (models?.get(wanted) ?? wanted);
  const body = JSON.stringify({
    model,
    max_tokens: 1,
    ...(credential.beta ? { system: SYSTEM } : {}),
    messages: [{ role: 'user', content: 'Hi' }],
  });
  const headers = headersOf(upstream, body);
  const request = {
    method: 'POST',
    url: `${base.origin}${basePathOf(base)}/v1/messages`,
    headers: headers.map(([name, value]): [string, string] => [name, masked(name, value, credential)]),
    body,
  };
  const started = performance.now();
  const took = () => Math.round(performance.now() - started);
  const limit = AbortSignal.timeout(PROVIDER_PROBE_MS);
  try {
    const answer = await ask(dialer, { upstream, headers, body, limit });
    // A host that says the key back does not get it shown, nor a part of it that the cut leaves.
    const text = answer.body.replaceAll(secretOf(credential), maskOf(credential)).slice(0, ANSWER_MAX_CHARS);
    const durationMs = took();
    return { ...verdict(answer.status), request, answer: { status: answer.status, body: text }, durationMs };
  } catch (error) {
    const message = limit.aborted ? 'No answer came in time.' : sentence(error);
    return { ok: false, message, request, answer: null, durationMs: took() };
  }
}

function headersOf({ base, credential }: Upstream, body: string): [string, string][] {
  return [
    ['host', base.host],
    [credential.name, credential.value],
    ['content-type', 'application/json'],
    ['content-length', String(Buffer.byteLength(body))],
    ['anthropic-version', '2023-06-01'],
    ...(credential.beta ? [['anthropic-beta', credential.beta] as [string, string]] : []),
  ];
}

const secretOf = ({ value }: Credential): string => value.replace(/^Bearer /, '');
const maskOf = (credential: Credential): string => `…${secretOf(credential).slice(-MASKED_TAIL_CHARS)}`;
const masked = (name: string, value: string, credential: Credential): string =>
  name === credential.name ? value.replace(secretOf(credential), maskOf(credential)) : value;

async function ask(
  dialer: Dialer,
  given: { upstream: Upstream; headers: [string, string][]; body: string; limit: AbortSignal },
): Promise<{ status: number; body: string }> {
  const request = dialer.request(given.upstream, {
    method: 'POST',
    path: '/v1/messages',
    headers: given.headers.flat(),
  });
  const stop = () => request.destroy(new Error('late'));
  given.limit.addEventListener('abort', stop, { once: true });
  try {
    request.end(given.body);
    const [response]: [IncomingMessage] = await Promise.race([
      once(request, 'response') as Promise<[IncomingMessage]>, // the event's only argument
      once(request, 'error').then(([error]) => Promise.reject(error)),
    ]);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response) {
      const data = Buffer.from(chunk);
      chunks.push(data);
      size += data.length;
      if (size >= ANSWER_MAX_BYTES) break;
    }
    return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') };
  } finally {
    given.limit.removeEventListener('abort', stop);
    request.destroy();
  }
}

function verdict(status: number): { ok: boolean; message: string } {
  if (status >= 200 && status < 300) return { ok: true, message: 'It answered.' };
  if (status === 401 || status === 403) return { ok: false, message: 'The key was refused.' };
  if (status === 404)
    return { ok: false, message: 'The address or the model is not known there. Check both.' };
  if (status === 429) return { ok: false, message: 'The key is right, and its limit is reached.' };
  if (status >= 300 && status < 400)
    return { ok: false, message: 'It leads on to another address; give that one.' };
  if (status >= 500) return { ok: false, message: 'The host has trouble of its own. Try again later.' };
  return { ok: false, message: 'The request was refused; the answer says why.' };
}

function sentence(error: unknown): string {
  if (error instanceof AddressRefused) return 'This host is not on the public Internet.';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EREFUSED') return 'This host is not on the public Internet.';
  if (code === 'ENOTFOUND') return 'The name of this host is not known.';
  return `The host could not be reached${/^[A-Z_]{3,40}$/.test(code) ? ` (${code})` : ''}.`;
}
