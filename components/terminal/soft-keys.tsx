'use client';

import { ArrowDown, ArrowLeft, ArrowRight, ArrowUp, ClipboardPaste } from 'lucide-react';
import type { ReactNode } from 'react';
import { toast } from 'sonner';
import { cx } from '../ui/cx';
import type { Sticky } from './sticky-keys';
import type { TerminalView } from './terminal-view';

/** CSI for normal, SS3 for application cursor keys (DECCKM). */
function arrow(view: TerminalView, letter: string): string {
  return `\x1b${view.terminal.modes.applicationCursorKeysMode ? 'O' : '['}${letter}`;
}

const plain: { label: string; name?: string; text: string }[] = [
  { label: 'Esc', text: '\x1b' },
  { label: 'Tab', text: '\t' },
];
const signs = ['|', '/', '-', '~'];
const arrows = [
  { name: 'Left', letter: 'D', icon: ArrowLeft },
  { name: 'Up', letter: 'A', icon: ArrowUp },
  { name: 'Down', letter: 'B', icon: ArrowDown },
  { name: 'Right', letter: 'C', icon: ArrowRight },
];

function Key({
  label,
  pressed,
  onPress,
  children,
}: {
  label: string;
  pressed?: boolean;
  onPress(): void;
  children: ReactNode;
}) {
  return (
    <button
      type="button"
      aria-label={label}
      aria-pressed={pressed}
      // Keeps the focus, and with it the phone's keyboard, in the terminal.
      onPointerDown={(event) => event.preventDefault()}
      onClick={onPress}
      className={cx(
        'grid h-9 min-w-9 shrink-0 place-items-center rounded-md border px-2 font-medium text-xs active:bg-accent-soft [&_svg]:size-4',
        pressed ? 'border-accent bg-accent text-on-accent' : 'border-line-strong bg-raised',
      )}
    >
      {children}
    </button>
  );
}

/** The keys that a phone's keyboard lacks. */
export function SoftKeys({
  view,
  sticky,
  onSticky,
}: {
  view: TerminalView | null;
  sticky: Sticky;
  onSticky(sticky: Sticky): void;
}) {
  const type = (text: string) => {
    view?.type(text);
    view?.terminal.focus();
  };
  async function paste() {
    try {
      view?.paste(await navigator.clipboard.readText());
      view?.terminal.focus();
    } catch {
      toast.error('The browser refused the clipboard.', {
        description: 'Hold the terminal and choose Paste instead.',
      });
    }
  }
  return (
    <div
      role="toolbar"
      aria-label="Terminal keys"
      className="flex shrink-0 gap-1.5 overflow-x-auto border-t bg-surface px-2 py-1.5 [scrollbar-width:none]"
    >
      {plain.map((it) => (
        <Key key={it.label} label={it.label} onPress={() => type(it.text)}>
          {it.label}
        </Key>
      ))}
      <Key label="Ctrl" pressed={sticky.ctrl} onPress={() => onSticky({ ...sticky, ctrl: !sticky.ctrl })}>
        Ctrl
      </Key>
      <Key label="Alt" pressed={sticky.alt} onPress={() => onSticky({ ...sticky, alt: !sticky.alt })}>
        Alt
      </Key>
      <Key label="Control C" onPress={() => type('\x03')}>
        ^C
      </Key>
      {arrows.map(({ name, letter, icon: Icon }) => (
        <Key key={name} label={`${name} arrow`} onPress={() => view && type(arrow(view, letter))}>
          <Icon aria-hidden />
        </Key>
      ))}
      {signs.map((it) => (
        <Key key={it} label={it} onPress={() => type(it)}>
          {it}
        </Key>
      ))}
      <Key label="Paste" onPress={() => void paste()}>
        <ClipboardPaste aria-hidden />
      </Key>
    </div>
  );
}
