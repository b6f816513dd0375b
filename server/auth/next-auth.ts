import type { IncomingMessage, ServerResponse } from 'node:http';
import type { NextApiRequest, NextApiResponse } from 'next';
import NextAuthModule, { type AuthOptions, type Session } from 'next-auth';
import type { JWT } from 'next-auth/jwt';
import CredentialsModule from 'next-auth/providers/credentials';
import type { Logger } from 'pino';
import { type AppError, toAppError } from '../../shared/errors';
import type { Identity } from '../contracts';
import type { Peer } from './client-address';
import { type cookieNames, parseCookies } from './cookies';
import { userAgentOf } from './identity';
import { type KeyRing, SESSION_MAX_AGE_SECONDS } from './key-ring';
import type { SignedIn, SignIn } from './sign-in';

/** CommonJS: Node's loader hands over a namespace, bundlers the function itself. The cast says just that. */
function unwrap<T>(module: T): T {
  return typeof module === 'object' && module !== null && 'default' in module
    ? (module.default as T)
    : module;
}
const Credentials = unwrap(CredentialsModule);
const NextAuth = unwrap(NextAuthModule);

/** next-auth's actions that we serve, each with its method; everything else under /api/auth is REST's or not found. */
const actions: Record<string, readonly string[]> = {
  csrf: ['GET'],
  providers: ['GET'],
  session: ['GET'],
  signin: ['GET', 'POST'],
  signout: ['GET', 'POST'],
  callback: ['POST'],
  error: ['GET'],
  _log: ['POST'],
};

export interface NextAuthOptions {
  signIn: SignIn;
  ring: KeyRing;
  names: ReturnType<typeof cookieNames>;
  /** Mixed into next-auth's CSRF hash. */
  secret: string;
  secure: boolean;
  log: Logger;
}

export interface NextAuthCall {
  request: IncomingMessage;
  response: ServerResponse;
  peer: Peer;
  identity: Identity | null;
  body: Record<string, string>;
}

export function isNextAuthPath(pathname: string, method: string): boolean {
  const [, , , action = ''] = pathname.split('/');
  return pathname.startsWith('/api/auth/') && (actions[action]?.includes(method) ?? false);
}

/**
 * next-auth's core, called by our own listener: a route inside Next would be bundled and see another database
 * client. `authorize` and the JWT are ours; next-auth brings the flow, its CSRF token and the client's protocol.
 */
export function createNextAuth({ signIn, ring, names, secret, secure, log }: NextAuthOptions) {
  const cookie = { httpOnly: true, sameSite: 'lax' as const, path: '/', secure };

  function optionsFor(call: NextAuthCall, failed: (error: AppError) => void): AuthOptions {
    return {
      secret,
      useSecureCookies: secure,
      pages: { signIn: '/sign-in', signOut: '/sign-in', error: '/sign-in' },
      session: { strategy: 'jwt', maxAge: SESSION_MAX_AGE_SECONDS },
      cookies: {
        sessionToken: { name: names.session, options: cookie },
        csrfToken: { name: names.csrf, options: cookie },
        callbackUrl: { name: names.callback, options: cookie },
      },
      providers: [
        Credentials({
          name: 'Cloud Claude',
          credentials: {
            username: { label: 'User name' },
            password: { label: 'Password', type: 'password' },
          },
          async authorize(given) {
            try {
              const input = { username: given?.username ?? '', password: given?.password ?? '' };
              const caller = { address: call.peer.address, userAgent: userAgentOf(call.request) };
              const signedIn = await signIn.signIn(input, caller);
              return { id: signedIn.userId, name: signedIn.username, sessionId: signedIn.sessionId };
            } catch (thrown) {
              const error = toAppError(thrown);
              failed(error);
              throw new Error(error.code);
            }
          },
        }),
      ],
      jwt: {
        encode: async ({ token }) => (token ? await ring.sign(token) : ''),
        decode: async ({ token }) => (token ? ((await ring.verify(token)) as JWT | null) : null),
      },
      callbacks: {
        jwt: ({ token, user }) =>
          // `user` is what authorize returned, only at sign-in.
          user ? { sub: user.id, name: user.name, sid: (user as unknown as SignedIn).sessionId } : token,
        session: ({ session }): Session => session,
        redirect: ({ url, baseUrl }) =>
          url.startsWith('/') && !url.startsWith('//')
            ? `${baseUrl}${url}`
            : url.startsWith(`${baseUrl}/`)
              ? url
              : baseUrl,
      },
      logger: {
        error: (code) => log.warn({ code }, 'next-auth refused something'),
        warn: (code) => log.debug({ code }, 'next-auth warns'),
        debug: () => {},
      },
    };
  }

  return {
    async handle(call: NextAuthCall): Promise<void> {
      const { request, response, peer, identity, body } = call;
      const url = new URL(request.url ?? '/', 'http://local');
      const [, , , action = '', providerId] = url.pathname.split('/');
      // The answer to "who am I" comes from the row, not from the token alone: a revoked log-in is none.
      const cookies = parseCookies(request.headers.cookie);
      if (!identity) delete cookies[names.session];
      let failure: AppError | undefined;
      const answer = createAnswer();
      await NextAuth(
        // What next-auth reads of a pages-API request and writes of its response; it takes nothing else of them.
        {
          method: request.method,
          query: {
            ...Object.fromEntries(url.searchParams),
            nextauth: providerId ? [action, providerId] : [action],
          },
          body,
          cookies,
          headers: { host: peer.host, 'x-forwarded-host': peer.host, 'x-forwarded-proto': peer.scheme },
        } as unknown as NextApiRequest,
        answer as unknown as NextApiResponse,
        optionsFor(call, (error) => {
          failure = error;
        }),
      );
      const setCookies = [answer.headers.get('set-cookie') ?? []].flat().map(String);
      // next-auth verified its CSRF token before it cleared the cookie; now the log-in itself ends.
      const cleared = setCookies.some((it) => it.startsWith(`${names.session}=;`));
      if (action === 'signout' && request.method === 'POST' && cleared && identity)
        await signIn.signOut(identity);
      for (const [name, value] of answer.headers) if (name !== 'set-cookie') response.setHeader(name, value);
      for (const it of setCookies) {
        // The session's length is fixed at sign-in: reading it gives no longer one.
        if (action === 'session' && it.startsWith(`${names.session}=`)) continue;
        response.appendHeader('set-cookie', it);
      }
      response.setHeader('cache-control', 'private, no-store');
      if (failure?.retryAfterSeconds) response.setHeader('retry-after', String(failure.retryAfterSeconds));
      response.statusCode = failure && body.json === 'true' ? failure.entry.http : answer.statusCode;
      response.end(answer.body);
    },
  };
}

/** The part of Next's pages-API response that next-auth uses. */
function createAnswer() {
  const headers = new Map<string, string | string[]>();
  const answer = {
    headers,
    statusCode: 200,
    body: '',
    status(code: number) {
      answer.statusCode = code;
      return answer;
    },
    getHeader: (name: string) => headers.get(name.toLowerCase()),
    setHeader(name: string, value: string | string[]) {
      headers.set(name.toLowerCase(), value);
      return answer;
    },
    json(value: unknown) {
      headers.set('content-type', 'application/json; charset=utf-8');
      answer.body = JSON.stringify(value);
    },
    send(value: unknown) {
      answer.body = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
    },
    end() {},
  };
  return answer;
}
