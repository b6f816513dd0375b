'use client';

import '@xterm/xterm/css/xterm.css';
import { useQueryClient } from '@tanstack/react-query';
import { useTheme } from 'next-themes';
import { useEffect, useRef, useState } from 'react';
import { toast } from 'sonner';
import { preferencesSchema, type SessionView } from '../../shared/views';
import { useMe, useSetPreferences } from '../api/me';
import { useTRPC } from '../api/trpc';
import { PHONE, useMedia } from '../ui/use-media';
import { ConnectionOverlay } from './connection-overlay';
import { showMoment } from './moment';
import { SearchBar } from './search-bar';
import { useRevealed } from './session-views';
import { SoftKeys } from './soft-keys';
import { applySticky, type Sticky } from './sticky-keys';
import type { TerminalState } from './terminal-state';
import { TerminalView } from './terminal-view';
import { terminalTheme } from './themes';
import { useClipboardConsent } from './use-clipboard-consent';
import { useUploads } from './use-uploads';

const FONT = { min: 8, max: 32, normal: 14 } as const;
const noSticky: Sticky = { ctrl: false, alt: false };
/** Failed handshakes before the sign-in is looked at: one may just be a restart. */
const SUSPICIOUS_HANDSHAKES = 2;

export interface TerminalPaneProps {
  session: SessionView;
  /** On the screen at all; hidden ones keep their connection and give back their renderer. */
  visible: boolean;
  /** Has the keyboard within its tab. */
  active: boolean;
  onFocus(): void;
  onClose(): void;
  /** Raised by the toolbar's search button. */
  searchRequest: number;
}

export function TerminalPane({
  session,
  visible,
  active,
  onFocus,
  onClose,
  searchRequest,
}: TerminalPaneProps) {
  const host = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<TerminalView | null>(null);
  const [state, setState] = useState<TerminalState>({ kind: 'connecting' });
  const [searching, setSearching] = useState(false);
  const [sticky, setSticky] = useState(noSticky);
  const phone = useMedia(`${PHONE}, (pointer: coarse)`);
  const { resolvedTheme } = useTheme();
  const me = useMe();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const preferences = me.data?.preferences ?? preferencesSchema.parse({});
  const { mutate: setPreferences } = useSetPreferences();
  const onClipboard = useClipboardConsent(preferences.clipboardWrite);
  const onFiles = useUploads(session.sandboxId, (text) => view?.paste(text));
  const look = {
    theme: terminalTheme(preferences.terminalTheme, resolvedTheme !== 'light'),
    fontSize: preferences.terminalFontSize,
    screenReader: preferences.screenReader,
  };

  /** The view lives longer than a render: it calls what is latest. */
  const latest = useRef({ onFocus, onClose, onClipboard, onFiles, sticky, look });
  latest.current = { onFocus, onClose, onClipboard, onFiles, sticky, look };

  const { id, sandboxId, kind } = session;
  useEffect(() => {
    if (!host.current) return;
    const made = new TerminalView({
      host: host.current,
      session: { id, sandboxId, kind },
      ...latest.current.look,
      onState: (next) => {
        setState(next);
        // Left as one leaves a shell: nothing to read about it.
        if (next.kind === 'ended' && next.exitCode === 0) latest.current.onClose();
      },
      onFocus: () => latest.current.onFocus(),
      onSearch: () => setSearching(true),
      onFontStep: (step) => {
        const size = step === 0 ? FONT.normal : latest.current.look.fontSize + step;
        setPreferences({ terminalFontSize: Math.min(FONT.max, Math.max(FONT.min, size)) });
      },
      onFiles: (files) => void latest.current.onFiles(files),
      onClipboard: (text) => latest.current.onClipboard(text),
      onInputRefused: () =>
        toast.error('Too much was typed while offline.', {
          id: 'input-full',
          description: 'The last input was not kept.',
        }),
      onHandshakeFailed: (times) => {
        // The browser does not tell why an upgrade was refused; this query leads to the sign-in page if it must.
        if (times >= SUSPICIOUS_HANDSHAKES)
          void queries.invalidateQueries({ queryKey: trpc.account.me.queryKey() });
      },
      modify: (data) => {
        const { sticky: held } = latest.current;
        if (!held.ctrl && !held.alt) return data;
        setSticky(noSticky);
        return applySticky(data, held);
      },
    });
    setView(made);
    return () => {
      setView(null);
      made.close();
    };
  }, [id, sandboxId, kind, setPreferences, queries, trpc]);

  const [moment, setMoment] = useState<readonly string[] | null>(null);
  useRevealed(session.id, 'terminal', ({ words }) => setMoment(words ?? null));
  useEffect(() => {
    if (!view || !visible || !moment) return;
    const left = new AbortController();
    void showMoment(view, moment, left.signal).then((found) => {
      if (left.signal.aborted) return;
      setMoment(null);
      if (!found)
        toast.info('This is no longer in the terminal: it was cleared, or scrolled out of its history.');
    });
    return () => left.abort();
  }, [view, visible, moment]);

  const { fontSize, screenReader, theme } = look;
  useEffect(() => view?.setLook({ theme, fontSize, screenReader }), [view, theme, fontSize, screenReader]);
  useEffect(() => view?.setVisible(visible), [view, visible]);
  useEffect(() => {
    // A menu or dialog that was opened meanwhile would close without its focus.
    const busy = document.activeElement?.closest('[role="menu"], [role="dialog"]');
    if (view && visible && active && !phone && !busy) view.terminal.focus();
  }, [view, visible, active, phone]);
  useEffect(() => {
    if (searchRequest > 0 && active && visible) setSearching(true);
  }, [searchRequest, active, visible]);

  return (
    <section
      aria-label={`Terminal: ${session.name}`}
      data-session={session.id}
      data-connection={state.kind}
      className="relative flex h-full min-h-0 min-w-0 flex-col"
      style={{ background: theme.background }}
    >
      <div className="relative min-h-0 flex-1">
        <ConnectionOverlay state={state} onReconnect={() => view?.socket.connect()} onClose={onClose} />
        {searching && view && (
          <SearchBar
            view={view}
            onClose={() => {
              setSearching(false);
              view.terminal.focus();
            }}
          />
        )}
        <div ref={host} className="terminal-host absolute inset-0 touch-none overflow-hidden font-mono" />
      </div>
      {phone && visible && active && <SoftKeys view={view} sticky={sticky} onSticky={setSticky} />}
    </section>
  );
}
