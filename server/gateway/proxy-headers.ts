/** Which headers of a proxied exchange pass: all but those that belong to one hop, and the credentials. */

/** RFC 9110 section 7.6.1, with the older names that clients still send; `expect` was answered by our own server. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);
const CREDENTIALS = new Set(['authorization', 'x-api-key', 'cookie', 'host']);

const BETA = 'anthropic-beta';

/** Where a request's body ends: as it came, not there, told chunk by chunk, or after so many bytes of another one. */
export type BodyFraming = 'kept' | 'none' | 'chunked' | number;

export interface Credential {
  name: 'x-api-key' | 'authorization';
  value: string;
  /** An `anthropic-beta` that the API wants with this kind of credential. */
  beta?: string;
}

/** Raw header list in, raw header list out: names, order and repetitions stay as they came. */
export function requestHeaders(
  raw: readonly string[],
  { host, credential, framing }: { host: string; credential: Credential; framing: BodyFraming },
): string[] {
  const out = ['host', host, credential.name, credential.value];
  const { beta } = credential;
  append(out, raw, (name) => CREDENTIALS.has(name) || (framing !== 'kept' && name === 'content-length'));
  if (framing === 'chunked') out.push('transfer-encoding', framing);
  else if (typeof framing === 'number') out.push('content-length', String(framing));
  if (beta !== undefined) addBeta(out, beta);
  return out;
}

/** To the first header of the name, as clients write them in one; or a header of its own. */
function addBeta(out: string[], beta: string): void {
  let first = -1;
  for (let i = 0; i + 1 < out.length; i += 2) {
    if (out[i]?.toLowerCase() !== BETA) continue;
    if (first === -1) first = i + 1;
    if ((out[i + 1] ?? '').split(',').some((it) => it.trim() === beta)) return;
  }
  if (first === -1) out.push(BETA, beta);
  else out[first] = `${out[first]},${beta}`;
}

export function responseHeaders(raw: readonly string[]): string[] {
  const out: string[] = [];
  append(out, raw, () => false);
  return out;
}

function append(out: string[], raw: readonly string[], drop: (name: string) => boolean): void {
  const named = new Set<string>();
  each(raw, (name, value) => {
    if (name.toLowerCase() !== 'connection') return;
    for (const token of value.split(',')) named.add(token.trim().toLowerCase());
  });
  each(raw, (name, value) => {
    const lower = name.toLowerCase();
    if (!HOP_BY_HOP.has(lower) && !named.has(lower) && !drop(lower)) out.push(name, value);
  });
}

function each(raw: readonly string[], visit: (name: string, value: string) => void): void {
  for (let i = 0; i + 1 < raw.length; i += 2) visit(raw[i] ?? '', raw[i + 1] ?? '');
}
