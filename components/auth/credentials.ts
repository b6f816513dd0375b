/** Signing in and out through next-auth's own endpoints. */

export type SignInResult =
  | { ok: true }
  | { ok: false; reason: 'wrong' }
  | { ok: false; reason: 'throttled'; seconds: number | null }
  | { ok: false; reason: 'unreachable' };

/** Asked before every form that changes something; next-auth compares it with its cookie. */
async function csrfToken(signal?: AbortSignal): Promise<string> {
  const response = await fetch('/api/auth/csrf', { cache: 'no-store', ...(signal ? { signal } : {}) });
  const body: unknown = await response.json();
  if (typeof body !== 'object' || body === null || !('csrfToken' in body)) throw new Error('no csrf token');
  return String(body.csrfToken);
}

async function post(path: string, fields: Record<string, string>): Promise<Response> {
  const form = new URLSearchParams({ ...fields, csrfToken: await csrfToken(), json: 'true' });
  return fetch(path, { method: 'POST', body: form, headers: { accept: 'application/json' } });
}

/** The error that next-auth puts into the address it would redirect to. */
async function redirectError(response: Response): Promise<string | null> {
  try {
    const body: unknown = await response.json();
    if (typeof body !== 'object' || body === null || !('url' in body)) return null;
    return new URL(String(body.url), window.location.origin).searchParams.get('error');
  } catch {
    return null;
  }
}

function waitSeconds(response: Response, error: string | null): number | null {
  const text = response.headers.get('retry-after') ?? /\d+/.exec(error ?? '')?.[0];
  const seconds = Number(text);
  return text && Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds) : null;
}

export async function signIn(input: { username: string; password: string }): Promise<SignInResult> {
  try {
    const response = await post('/api/auth/callback/credentials', { ...input, callbackUrl: '/' });
    const error = await redirectError(response);
    if (response.status === 429 || error?.startsWith('too_many_requests'))
      return { ok: false, reason: 'throttled', seconds: waitSeconds(response, error) };
    if (response.ok && error === null) return { ok: true };
    return { ok: false, reason: response.status >= 500 ? 'unreachable' : 'wrong' };
  } catch {
    return { ok: false, reason: 'unreachable' };
  }
}

let leaving = false;

/** This page ends its sign-in itself: what is refused from now on is no news. */
export function isSigningOut(): boolean {
  return leaving;
}

/** Ends this browser's session on the server, then leaves with a full load so that nothing stays in memory. */
export async function signOut(): Promise<void> {
  leaving = true;
  try {
    await post('/api/auth/signout', { callbackUrl: '/sign-in' });
    window.location.assign('/sign-in');
  } catch (error) {
    leaving = false;
    throw error;
  }
}
