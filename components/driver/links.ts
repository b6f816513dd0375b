/** A link a model wrote, when it may be opened: http and https only. Null: it is shown as text. */
export function safeLink(href: string): URL | null {
  // A relative address would lead into this app, and what is opened would look like its own.
  if (!/^https?:\/\//i.test(href)) return null;
  try {
    const url = new URL(href);
    return url.username === '' && url.password === '' ? url : null;
  } catch {
    return null;
  }
}

/** A picture that came with the transcript: never one that would be fetched, which would tell who looks at it. */
export function safeImage(href: string): string | null {
  return /^data:image\/(png|jpeg|gif|webp|avif);base64,[A-Za-z0-9+/=\s]+$/.test(href) ? href : null;
}

/** Whether the text says itself where the link leads. */
export function tellsTarget(text: string, url: URL): boolean {
  return text.includes(url.host);
}

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

/** Markdown's character references, as marked leaves them for HTML; there is none here. */
export function decoded(text: string): string {
  return text.replace(/&(#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-z]{2,5});/g, (whole, name: string) => {
    if (!name.startsWith('#')) return named[name] ?? whole;
    const code = /^#[xX]/.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
