import { ClipboardAddon } from '@xterm/addon-clipboard';
import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon } from '@xterm/addon-search';
import { Unicode11Addon } from '@xterm/addon-unicode11';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { WebglAddon } from '@xterm/addon-webgl';
import { type ITheme, Terminal } from '@xterm/xterm';
import { TERMINAL_COLS_MAX, TERMINAL_ROWS_MAX, TMUX_HISTORY_LINES } from '../../shared/limits';
import type { SessionView } from '../../shared/views';
import { randomId } from '../api/random-id';
import { isMac } from '../shell/shortcuts';
import { LiveScrollback } from './live-scrollback';
import { type SocketLike, TerminalSocket } from './terminal-socket';
import type { TerminalState } from './terminal-state';
import { attachTouchScroll } from './touch-scroll';

export interface TerminalLook {
  theme: ITheme;
  fontSize: number;
  screenReader: boolean;
}

export interface TerminalViewOptions extends TerminalLook {
  host: HTMLElement;
  session: Pick<SessionView, 'id' | 'sandboxId' | 'kind'>;
  onState(state: TerminalState): void;
  onFocus(): void;
  onSearch(): void;
  /** +1, -1, or 0 for the normal size. */
  onFontStep(step: number): void;
  onFiles(files: File[]): void;
  /** OSC 52: a program in the sandbox wants to write the clipboard. */
  onClipboard(text: string): void;
  onInputRefused(): void;
  onHandshakeFailed(times: number): void;
  /** Turns what was typed by the sticky keys of the soft keyboard. */
  modify?(data: string): string;
}

const encoder = new TextEncoder();

/** `onBinary` gives one byte a character (old mouse reports). */
function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff);
}

function openSocket(session: TerminalViewOptions['session']) {
  return (
    query: { client: string; offset: number; cols: number; rows: number },
    protocol: string,
  ): SocketLike => {
    const url = new URL(`/ws/sandboxes/${session.sandboxId}/terminal`, window.location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.searchParams.set('session', session.id);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    return new WebSocket(url, protocol);
  };
}

/** xterm.js, its addons and the socket of one session, wired together. Owns all of it until `close`. */
export class TerminalView {
  readonly terminal: Terminal;
  readonly search = new SearchAddon({ highlightLimit: 2000 });
  readonly socket: TerminalSocket;
  /** To be asked to be `complete` before a search. */
  readonly scrollback: LiveScrollback;
  readonly #options: TerminalViewOptions;
  readonly #fit = new FitAddon();
  readonly #ended = new AbortController();
  readonly #observer: ResizeObserver;
  #webgl: WebglAddon | null = null;
  /** Set once the browser has taken a context away: the DOM renderer stays then. */
  #noWebgl = false;
  #frame = 0;

  constructor(options: TerminalViewOptions) {
    this.#options = options;
    const { host, theme, fontSize, screenReader } = options;
    this.terminal = new Terminal({
      allowProposedApi: true,
      scrollback: TMUX_HISTORY_LINES,
      fontFamily: getComputedStyle(host).fontFamily,
      fontSize,
      lineHeight: 1.15,
      theme,
      screenReaderMode: screenReader,
      cursorBlink: true,
      minimumContrastRatio: 3,
      macOptionIsMeta: true,
      rightClickSelectsWord: false,
      linkHandler: { activate: (event, uri) => this.#openLink(event, uri) },
    });
    this.terminal.loadAddon(this.#fit);
    this.terminal.loadAddon(this.search);
    this.terminal.loadAddon(new Unicode11Addon());
    this.terminal.unicode.activeVersion = '11';
    this.terminal.loadAddon(new WebLinksAddon((event, uri) => this.#openLink(event, uri)));
    this.terminal.loadAddon(
      new ClipboardAddon(undefined, {
        // A program may never read the clipboard: that would hand it whatever was copied last.
        readText: () => '',
        writeText: (_selection, text) => options.onClipboard(text),
      }),
    );
    this.terminal.open(host);
    this.terminal.textarea?.setAttribute('aria-label', 'Terminal input');
    this.#fitNow();
    this.scrollback = new LiveScrollback(this.terminal, () => this.socket.resync());
    this.socket = new TerminalSocket({
      open: openSocket(options.session),
      client: randomId(),
      size: { cols: this.terminal.cols, rows: this.terminal.rows },
      onState: options.onState,
      onOutput: (bytes, parsed) => this.scrollback.output(bytes, parsed),
      onHistory: (bytes) => this.scrollback.history(bytes),
      onHandshakeFailed: options.onHandshakeFailed,
    });
    this.terminal.onData((data) => this.type(options.modify?.(data) ?? data));
    this.terminal.onBinary((data) => this.#send(latin1(data)));
    this.terminal.onResize(({ cols, rows }) => this.socket.resize(cols, rows));
    this.terminal.attachCustomKeyEventHandler((event) => this.#onKey(event));
    this.#observer = new ResizeObserver(() => this.#fitSoon());
    this.#observer.observe(host);
    this.#listen(host);
    this.socket.connect();
  }

  /** Types text as if it came from the keyboard. */
  type(text: string): void {
    if (text !== '') this.#send(encoder.encode(text));
  }

  /** As a paste: bracketed when the program asked for it. */
  paste(text: string): void {
    this.terminal.paste(text);
  }

  setLook({ theme, fontSize, screenReader }: TerminalLook): void {
    this.terminal.options.theme = theme;
    this.terminal.options.screenReaderMode = screenReader;
    if (this.terminal.options.fontSize !== fontSize) {
      this.terminal.options.fontSize = fontSize;
      this.#fitSoon();
    }
  }

  /** Browsers hold about 16 WebGL contexts: only terminals that are seen have one. */
  setVisible(visible: boolean): void {
    if (!visible) {
      this.#webgl?.dispose();
      this.#webgl = null;
      return;
    }
    this.#fitSoon();
    if (this.#webgl || this.#noWebgl) return;
    try {
      const addon = new WebglAddon();
      addon.onContextLoss(() => {
        this.#noWebgl = true;
        this.#webgl?.dispose();
        this.#webgl = null;
      });
      this.terminal.loadAddon(addon);
      this.#webgl = addon;
    } catch {
      this.#noWebgl = true;
    }
  }

  close(): void {
    this.#ended.abort();
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    this.socket.close();
    this.scrollback.close();
    this.terminal.dispose();
  }

  #send(bytes: Uint8Array): void {
    if (bytes.length > 0 && !this.socket.send(bytes)) this.#options.onInputRefused();
  }

  #fitSoon(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#fitNow());
  }

  #fitNow(): void {
    // A hidden pane has no size; fitting to it would shrink the session for every other viewer.
    if (this.#options.host.clientWidth < 20 || this.#options.host.clientHeight < 20) return;
    const size = this.#fit.proposeDimensions();
    if (!size || !Number.isFinite(size.cols) || !Number.isFinite(size.rows)) return;
    this.terminal.resize(Math.min(size.cols, TERMINAL_COLS_MAX), Math.min(size.rows, TERMINAL_ROWS_MAX));
  }

  #openLink(event: MouseEvent, uri: string): void {
    // A plain click belongs to the program; and a link printed by a program must not open by accident.
    if (!(isMac() ? event.metaKey : event.ctrlKey) || !/^https?:\/\//i.test(uri)) return;
    window.open(uri, '_blank', 'noopener,noreferrer');
  }

  #listen(host: HTMLElement): void {
    const { signal } = this.#ended;
    const wake = () => {
      if (document.visibilityState === 'visible') this.socket.wake();
    };
    window.addEventListener('online', wake, { signal });
    window.addEventListener('offline', () => this.socket.offline(), { signal });
    document.addEventListener('visibilitychange', wake, { signal });
    host.addEventListener('focusin', () => this.#options.onFocus(), { signal });
    const take = (event: Event, data: DataTransfer | null) => {
      const files = [...(data?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      event.stopPropagation();
      this.#options.onFiles(files);
    };
    host.addEventListener(
      'paste',
      (event) => {
        take(event, event.clipboardData);
        // Ctrl-Shift-V pastes plain text only: of a picture the event then holds nothing.
        if (event.clipboardData?.types.length === 0) void this.#pastePicture();
      },
      { signal, capture: true },
    );
    host.addEventListener('dragover', (event) => event.preventDefault(), { signal });
    host.addEventListener('drop', (event) => take(event, event.dataTransfer), { signal });
    attachTouchScroll(this.terminal, host, signal);
    void document.fonts?.ready.then(() => {
      if (!signal.aborted) this.#fitSoon();
    });
  }

  /** The browser may ask its user first; without consent nothing happens, as with an empty clipboard. */
  async #pastePicture(): Promise<void> {
    const items = (await navigator.clipboard?.read?.().catch(() => [])) ?? [];
    const pictures = items.flatMap((item) => {
      const type = item.types.find((it) => it.startsWith('image/'));
      return type ? [{ item, type }] : [];
    });
    const files = await Promise.all(
      pictures.map(async ({ item, type }) => {
        const name = `pasted.${/^image\/(\w+)/.exec(type)?.[1] ?? 'png'}`;
        return new File([await item.getType(type)], name, { type });
      }),
    );
    if (files.length > 0 && !this.#ended.signal.aborted) this.#options.onFiles(files);
  }

  /** False: xterm leaves the key alone. */
  #onKey(event: KeyboardEvent): boolean {
    if (event.type !== 'keydown') return true;
    const mac = isMac();
    const mod = (mac ? event.metaKey : event.ctrlKey) && !event.altKey;
    const stop = (): false => {
      event.preventDefault();
      return false;
    };
    if (mod && !event.shiftKey && event.code === 'KeyF') {
      this.#options.onSearch();
      return stop();
    }
    if (mod && ['=', '+', '-', '0'].includes(event.key)) {
      this.#options.onFontStep(event.key === '0' ? 0 : event.key === '-' ? -1 : 1);
      return stop();
    }
    if (event.ctrlKey && event.shiftKey && event.code === 'KeyC') {
      void this.copy();
      return stop();
    }
    // The browser's own paste then brings text or a picture.
    if (
      event.ctrlKey &&
      event.code === 'KeyV' &&
      (event.shiftKey || (!mac && this.#options.session.kind === 'claude'))
    )
      return false;
    if (
      this.#options.session.kind === 'claude' &&
      event.key === 'Enter' &&
      event.shiftKey &&
      !event.ctrlKey
    ) {
      // Claude Code's own binding for a new line in the prompt: ESC CR.
      this.type('\x1b\r');
      return stop();
    }
    return true;
  }

  async copy(): Promise<void> {
    const text = this.terminal.getSelection();
    if (text) await navigator.clipboard?.writeText(text);
  }
}
