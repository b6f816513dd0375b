import { z } from 'zod';
import type { AgentOutput } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import { SANDBOX_RESOLVER } from '../plan/ranges';
import { PROBE_MARK } from '../proof/contract';
import { inWords } from '../proof/error-words';
import { runProbe } from '../proof/probe-container';
import type { Place, PlaceParts } from './place';

/** A subscription with thousands of servers has some hundreds of KB. */
export const FETCH_MAX_BYTES = 4 * 1024 * 1024;
export const FETCH_SECONDS = 30;
/** Base64 of the body, and the line around it. */
const LINE_MAX_BYTES = Math.ceil(FETCH_MAX_BYTES / 3) * 4 + 64 * 1024;
/** Beside the fetch itself: the container it runs in. */
const CONTAINER_SECONDS = 10;

const fetchedSchema = z.object({
  check: z.literal('fetch'),
  status: z.int().nullable(),
  contentType: z.string().nullable(),
  userInfo: z.string().nullable(),
  body: z.base64(),
  /** Why there is no answer; `too-large` when it was cut. */
  error: z.string().nullable(),
});

/**
 * One GET from inside the place: its rules refuse private ranges and its tunnel answers names, so neither a redirect
 * nor a name that rebinds leads anywhere else. Throws `egress_failed` or `too_large`.
 */
export async function fetchFrom(
  { docker, instance }: PlaceParts,
  place: Place,
  asked: { url: string; userAgent: string | null; signal: AbortSignal },
): Promise<AgentOutput<'egress.fetch'>> {
  let fetched: z.infer<typeof fetchedSchema> | undefined;
  const deadline = AbortSignal.timeout((FETCH_SECONDS + CONTAINER_SECONDS) * 1000);
  const request = {
    mark: PROBE_MARK,
    resolver: SANDBOX_RESOLVER,
    deadline: FETCH_SECONDS,
    fetch: { ...withoutLogin(asked.url), userAgent: asked.userAgent, maxBytes: FETCH_MAX_BYTES },
  };
  const end = await runProbe({
    docker,
    instance,
    image: place.image,
    networkOf: place.containerName,
    input: `${JSON.stringify(request)}\n`,
    outputMaxBytes: LINE_MAX_BYTES,
    signal: AbortSignal.any([asked.signal, deadline]),
    onLine(line) {
      const result = fetchedSchema.safeParse(asJson(line));
      if (result.success) fetched = result.data;
    },
  });
  if (end.outcome === 'no-probe') {
    throw new AppError(
      'unavailable',
      'The sandbox image is older than this: build it anew with `npm start`.',
    );
  }
  if (fetched?.error === 'too-large') {
    throw new AppError('too_large', `The document is larger than ${FETCH_MAX_BYTES / 1024 / 1024} MiB.`);
  }
  if (fetched?.status == null) {
    const why = (await place.way.tunnel.complaint()) ?? '';
    // The address may hold a credential: only its host is named.
    const host = new URL(asked.url).host;
    throw new AppError(
      'egress_failed',
      `${host} was not reached: ${inWords(fetched?.error ?? 'no answer')}. ${why}`.trim(),
    );
  }
  const { status, contentType, userInfo, body } = fetched;
  return { status, contentType, userInfo, body: Buffer.from(body, 'base64').toString('utf8') };
}

/** The log-in of an address goes into a header (RFC 7617), which no redirect to another host carries on. */
function withoutLogin(address: string): { url: string; authorization: string | null } {
  const url = new URL(address);
  const { username, password } = url;
  url.username = '';
  url.password = '';
  if (username === '' && password === '') return { url: url.href, authorization: null };
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { url: url.href, authorization: `Basic ${Buffer.from(login).toString('base64')}` };
}

function asJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
