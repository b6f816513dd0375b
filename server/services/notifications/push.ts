/** One Web Push message (RFC 8030, encrypted by RFC 8291) to one push service. */
import { once } from 'node:events';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import webpush from 'web-push';
import type { PushMessage, PushSubscriptionInput } from '../../../shared/notifications';
import { AddressRefused, guardedLookup, type Reach, refuseLiteral } from '../../outbound/addresses';
import type { VapidKeys } from './vapid';

const TIMEOUT_MS = 15_000;
const ANSWER_MAX_BYTES = 4 * 1024;
const REASON_MAX_CHARS = 200;
const HOUR_S = 3600;
/** A question is old after an hour; what was done is worth knowing the next morning. */
const TTL_S = {
  ...{ waiting: HOUR_S, finished: 12 * HOUR_S, failed: 12 * HOUR_S },
  ...{ budget: 12 * HOUR_S, test: HOUR_S },
};
/** How long a push service may tell us to wait. */
const RETRY_MAX_S = HOUR_S;

export type PushResult =
  | { state: 'sent' }
  | { state: 'gone' }
  | { state: 'failed'; reason: string }
  | { state: 'again'; reason: string; afterSeconds: number | null };

export interface PushSender {
  send(subscription: PushSubscriptionInput, message: PushMessage, signal: AbortSignal): Promise<PushResult>;
}

/** `contact`: a mailto: or https: address for the operators of push services. */
export function createPushSender(options: { keys: VapidKeys; contact: string; reach: Reach }): PushSender {
  const { keys, contact, reach } = options;
  return {
    async send(subscription, message, signal) {
      try {
        const details = webpush.generateRequestDetails(subscription, JSON.stringify(message), {
          vapidDetails: { subject: contact, publicKey: keys.publicKey, privateKey: keys.privateKey },
          TTL: TTL_S[message.kind],
          urgency: message.kind === 'waiting' ? 'high' : 'normal',
          contentEncoding: 'aes128gcm',
          // A later push with the same topic takes the place of one that waits for its device.
          topic: topicOf(message.tag),
        });
        const url = new URL(details.endpoint);
        refuseLiteral(url, reach);
        // On any other port our POST would be a knock at somebody's door, and what it answers the knocker's to read.
        if (reach === 'public' && url.port !== '')
          return { state: 'failed', reason: 'A push service answers on port 443 only.' };
        return await ask({ url, headers: details.headers, body: details.body, reach, signal });
      } catch (error) {
        if (error instanceof AddressRefused)
          return { state: 'failed', reason: 'The push service is not on the public Internet.' };
        return { state: 'again', reason: sentence(error), afterSeconds: null };
      }
    },
  };
}

/** RFC 8030 section 5.4: at most 32 characters of base64url. */
const topicOf = (tag: string): string => tag.replace(/[^A-Za-z0-9_-]/g, '').slice(-32);

async function ask(given: {
  url: URL;
  headers: Record<string, unknown>;
  body: Buffer;
  reach: Reach;
  signal: AbortSignal;
}): Promise<PushResult> {
  const { url, headers, body, reach } = given;
  const limit = new AbortController();
  const late = setTimeout(
    () => limit.abort(new Error('the push service did not answer in time')),
    TIMEOUT_MS,
  );
  const stop = () => limit.abort(given.signal.reason);
  given.signal.addEventListener('abort', stop, { once: true });
  if (given.signal.aborted) stop();
  try {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const request = send(url, {
      method: 'POST',
      // Names and values as the library made them.
      headers: headers as Record<string, string | number>,
      lookup: guardedLookup(reach),
      signal: limit.signal,
      // No connection is kept: pushes are rare.
      agent: false,
    });
    request.end(body);
    const [response]: [IncomingMessage] = await Promise.race([
      once(request, 'response') as Promise<[IncomingMessage]>, // the event's only argument
      once(request, 'error').then(([error]) => Promise.reject(error)),
    ]);
    return judge(response, await beginning(response));
  } finally {
    clearTimeout(late);
    given.signal.removeEventListener('abort', stop);
  }
}

function judge(response: IncomingMessage, text: string): PushResult {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return { state: 'sent' };
  // RFC 8030 section 7.3: 404 an expired subscription, 410 one that was taken back.
  if (status === 404 || status === 410) return { state: 'gone' };
  const said = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  const reason = `The push service answered ${status}${said === '' ? '' : `: ${said.slice(0, REASON_MAX_CHARS)}`}`;
  if (status !== 429 && status < 500) return { state: 'failed', reason };
  const seconds = Number(response.headers['retry-after']);
  const afterSeconds = Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, RETRY_MAX_S) : null;
  return { state: 'again', reason, afterSeconds };
}

async function beginning(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const data = Buffer.from(chunk);
    chunks.push(data);
    size += data.length;
    if (size > ANSWER_MAX_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Without the address, which is a credential: only what kind of failure it was. */
function sentence(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return `The push service could not be reached${/^[A-Z_]{3,40}$/.test(code) ? ` (${code})` : ''}.`;
}
