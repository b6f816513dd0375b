/** Where to go after signing in: a path of this site, or home. */
export function nextPath(next: string | null, origin: string): string {
  if (!next?.startsWith('/') || /[\\\p{Cc}]/u.test(next)) return '/';
  try {
    // `//host` and `/\host` are other sites to a browser; its own parser decides.
    const url = new URL(next, origin);
    if (url.origin !== new URL(origin).origin || url.pathname === '/sign-in' || next.startsWith('//'))
      return '/';
    return url.pathname + url.search + url.hash;
  } catch {
    return '/';
  }
}
