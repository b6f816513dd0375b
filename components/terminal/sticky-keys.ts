/** Ctrl and Alt of the soft keyboard: they hold for the next key only. */
export interface Sticky {
  ctrl: boolean;
  alt: boolean;
}

/** What a key gives with them held. Ctrl on letters and @ [ \ ] ^ _ is the low five bits (ECMA-48); Alt puts ESC before. */
export function applySticky(data: string, sticky: Sticky): string {
  const [first] = data;
  if (first === undefined || data.length !== first.length) return data;
  const code = first.toUpperCase().charCodeAt(0);
  const controlled =
    first === ' ' ? '\0' : code >= 0x40 && code <= 0x5f ? String.fromCharCode(code & 0x1f) : first;
  return (sticky.alt ? '\x1b' : '') + (sticky.ctrl ? controlled : data);
}
