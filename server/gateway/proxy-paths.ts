/** Which requests are passed on to an API, with a person's own key and with one that several people share. */
import type { Upstream } from './upstreams';

/** Others are for proxies and tunnels, and no API of this kind has them. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);
/** What Claude Code asks beside the versioned API. */
const BESIDE = new Set(['/api/hello', '/api/web/domain_info']);
/** What may stand between two slashes (RFC 3986 section 3.3), but for `;`, which some servers cut a segment at. */
const SEGMENT = /^(?:[\w.~:@!$&'()*+,=-]|%[0-9A-Fa-f]{2})+$/;
/** Read as a separator, an end or once more as an escape by a server that unpacks a segment. */
const UNPACKED = /[/\\;?#%\p{Cc}]/u;
/** Printable ASCII and Latin-1 without spaces: what Node's client sends; its parser lets more in. */
const QUERY = /^[\x21-\xff]*$/;

/**
 * Under a key the API keeps things that everybody with that key may list, read and change; named as Anthropic's own
 * client libraries name them (202 operations in November 2026). Two parts stand for what is below an operation.
 */
const STORES = new Set([
  ...['files', 'skills', 'messages/batches', 'organizations', 'organization', 'workspaces', 'api_keys'],
  ...['invites', 'users', 'user_profiles', 'agents', 'sessions', 'environments', 'vaults', 'memory_stores'],
  ...['deployments', 'deployment_runs', 'dreams', 'tunnels', 'webhooks', 'mcp_servers', 'oauth', 'code'],
]);

export interface ApiRequestPath {
  method: string;
  /** Without its query, from `/v1` on. */
  path: string;
  /** Of the path, unpacked, without `v1`; empty beside the versioned API. */
  segments: readonly string[];
}

/** Null: it is not passed on to anybody. Nothing that servers read in two ways gets through. */
export function apiPath(method: string, rest: string): ApiRequestPath | null {
  const [path = ''] = rest.split('?', 1);
  if (!METHODS.has(method) || !QUERY.test(rest.slice(path.length))) return null;
  if (BESIDE.has(path)) return method === 'GET' || method === 'HEAD' ? { method, path, segments: [] } : null;
  const [before, version, ...packed] = path.split('/');
  if (before !== '' || version !== 'v1' || packed.length === 0) return null;
  const segments: string[] = [];
  for (const it of packed) {
    const text = SEGMENT.test(it) ? unpacked(it) : null;
    if (text === null || text === '.' || text === '..' || UNPACKED.test(text)) return null;
    segments.push(text);
  }
  return { method, path, segments };
}

/**
 * Why a request does not pass with a key that several people use; null: it passes. What asks for an answer (POST) does,
 * also where nobody here knows the path; what is kept at the API does not, and so nothing that only lists, reads,
 * changes or deletes, but for the list of models.
 */
export function refusedWith(upstream: Upstream, { method, segments }: ApiRequestPath): string | null {
  if (upstream.personal || segments.length === 0) return null;
  const [first = '', second = ''] = segments.map((it) => it.toLowerCase());
  if (isListOfModels(method, segments)) return null;
  if (method === 'POST' && !STORES.has(first) && !STORES.has(`${first}/${second}`)) return null;
  return (
    `Several people share this key, and what is kept at /v1/${first} under it could be read by all of them: ` +
    'with it only requests for answers (POST) and for models are passed on. For everything else add a key of your ' +
    'own under Settings, Claude providers, and choose it for this session.'
  );
}

/** Asked without any cost: the counting of tokens, and what Claude Code looks up. Everything else counts. */
export function isFree({ method, path, segments }: ApiRequestPath): boolean {
  if (method === 'POST') return path === '/v1/messages/count_tokens';
  return segments.length === 0 || isListOfModels(method, segments);
}

const isListOfModels = (method: string, [first, _id, ...more]: readonly string[]): boolean =>
  (method === 'GET' || method === 'HEAD') && first === 'models' && more.length === 0;

function unpacked(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
