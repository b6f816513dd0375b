/** The access table of everything that speaks HTTP here. What is not in it needs a signed-in identity. */
import { AppError } from '../../shared/errors';
import { ECHO_PATH } from '../echo/http';

export type Access = 'public' | 'user' | 'admin';

/** Each with the reason why nobody has to be signed in. */
const publicPaths: readonly { path: RegExp; methods: readonly string[]; why: string; dev?: true }[] = [
  { path: /^\/sign-in$/, methods: ['GET', 'HEAD'], why: 'where one signs in' },
  {
    path: /^\/_next\/static\//,
    methods: ['GET', 'HEAD'],
    why: 'scripts, styles and fonts of that page; hold no data',
  },
  {
    path: /^\/(favicon\.ico|icon(\d*)?(\.\w+)?|apple-icon(\d*)?(\.\w+)?|manifest\.webmanifest|robots\.txt)$/,
    methods: ['GET', 'HEAD'],
    why: 'browsers ask for them without cookies',
  },
  {
    path: /^\/api\/auth\/(csrf|providers|session|error)$/,
    methods: ['GET'],
    why: "next-auth's client asks before sign-in; session is {} then",
  },
  {
    path: /^\/api\/auth\/(signin|signout)(\/\w+)?$/,
    methods: ['GET', 'POST'],
    why: 'guarded by a CSRF token',
  },
  { path: /^\/api\/auth\/callback\/credentials$/, methods: ['POST'], why: 'the log-in itself; throttled' },
  { path: /^\/api\/auth\/_log$/, methods: ['POST'], why: "next-auth's client reports its errors" },
  { path: /^\/api\/auth\/login$/, methods: ['POST'], why: 'the log-in of programs; throttled' },
  { path: /^\/api\/auth\/register$/, methods: ['POST'], why: 'says that it is closed' },
  { path: /^\/api\/auth\/oidc\/providers$/, methods: ['GET'], why: 'what the sign-in page offers' },
  { path: /^\/api\/health$/, methods: ['GET', 'HEAD'], why: 'for devices; says that it is there' },
  { path: /^\/healthz$/, methods: ['GET', 'HEAD'], why: 'for supervisors; shows names only' },
  { path: /^\/metrics$/, methods: ['GET'], why: 'has a token of its own' },
  {
    path: new RegExp(`^${ECHO_PATH}$`),
    methods: ['GET', 'HEAD'],
    why: 'tells callers their own address and nothing else; throttled',
  },
  { path: /^\/(_next|__nextjs)/, methods: ['GET', 'HEAD', 'POST'], why: "Next's compiler", dev: true },
];

export function accessOf(pathname: string, method: string, dev: boolean): Access {
  for (const it of publicPaths)
    if (it.path.test(pathname) && it.methods.includes(method) && (!it.dev || dev)) return 'public';
  return /^\/admin/i.test(pathname) ? 'admin' : 'user';
}

/** Programs get JSON; people are led to the sign-in page. */
export function isPage(pathname: string): boolean {
  return !/^\/(api|ws|sse|healthz|metrics|echo)(\/|$)/.test(pathname);
}

/** Addresses end up in logs and histories, so a token in one is refused even when it is right. */
export function refuseTokenInAddress(pathname: string, search: string): void {
  if (search === '' || isPage(pathname)) return;
  const query = new URLSearchParams(search);
  if (query.has('token') || query.has('access_token'))
    throw new AppError(
      'invalid_input',
      'A token does not belong in an address. Send it as the header Authorization: Bearer TOKEN, or a WebSocket’s as the subprotocol bearer.TOKEN.',
      { field: 'token' },
    );
}

/**
 * The decoded path of a request target. Throws `invalid_input` for what different layers would read differently
 * (an absolute form, `//`, a backslash, a dot segment, a broken escape): the table must see what Next sees.
 */
export function pathOf(target: string): { pathname: string; search: string } {
  const at = target.indexOf('?');
  const raw = at < 0 ? target : target.slice(0, at);
  let pathname: string;
  try {
    pathname = decodeURIComponent(raw);
  } catch {
    throw new AppError('invalid_input', 'This address is not valid.');
  }
  const ambiguous =
    !raw.startsWith('/') || /\/\/|\\|\0|%/.test(pathname) || /(^|\/)\.{1,2}(\/|$)/.test(pathname);
  if (ambiguous) throw new AppError('invalid_input', 'This address is not valid.');
  return { pathname, search: at < 0 ? '' : target.slice(at) };
}
