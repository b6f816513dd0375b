/**
 * Keyboard shortcuts as data. In a terminal plain Ctrl+letter belongs to the program that runs there, so the app
 * takes only Ctrl+Shift+letter (Cmd+Shift on a Mac) and, by the product's word, Ctrl/Cmd+F for its search.
 */
export interface Shortcut {
  /** `KeyboardEvent.code`, so that it holds on every keyboard layout; `key` for signs such as `?`. */
  code?: string;
  key?: string;
  /** Ctrl, or Cmd on a Mac. */
  mod?: boolean;
  shift?: boolean;
  alt?: boolean;
  /** Not while the keyboard belongs to a terminal or a text field. */
  outsideInput?: boolean;
  /** Not while it belongs to a terminal. */
  outsideTerminal?: boolean;
}

export interface KeyLike {
  code: string;
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
  target: EventTarget | null;
}

export function isMac(): boolean {
  return typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.userAgent);
}

function inside(target: EventTarget | null, selector: string): boolean {
  return typeof Element !== 'undefined' && target instanceof Element && target.closest(selector) !== null;
}

export function matches(event: KeyLike, shortcut: Shortcut, mac = isMac()): boolean {
  const mod = mac ? event.metaKey : event.ctrlKey;
  const other = mac ? event.ctrlKey : event.metaKey;
  if (other || mod !== !!shortcut.mod || event.altKey !== !!shortcut.alt) return false;
  // A sign such as `?` already says whether Shift is held.
  if (shortcut.key === undefined && event.shiftKey !== !!shortcut.shift) return false;
  if (shortcut.key !== undefined && event.key !== shortcut.key) return false;
  if (shortcut.code !== undefined && event.code !== shortcut.code) return false;
  const terminal = inside(event.target, '.xterm');
  // Cmd+letter never reaches a program in a terminal, so a Mac needs no such care.
  if (shortcut.outsideTerminal && terminal && !mac) return false;
  if (shortcut.outsideInput && inside(event.target, 'input, textarea, select, [contenteditable]'))
    return false;
  return true;
}

/** Keys as they stand on caps: `['Ctrl', 'Shift', 'K']`. */
export function keyCaps(shortcut: Shortcut, mac = isMac()): string[] {
  const name = shortcut.key ?? (shortcut.code ?? '').replace(/^(Key|Digit)/, '');
  const shown =
    { Backslash: '\\', Minus: '-', Equal: '+', BracketLeft: '[', BracketRight: ']' }[name] ?? name;
  return [
    ...(shortcut.mod ? [mac ? '⌘' : 'Ctrl'] : []),
    ...(shortcut.alt ? [mac ? '⌥' : 'Alt'] : []),
    ...(shortcut.shift ? [mac ? '⇧' : 'Shift'] : []),
    shown,
  ];
}
