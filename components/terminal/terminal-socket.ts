/** The terminal: a socket client and a view as plain classes, and the React parts around them. */
import { TERMINAL_ACK_BYTES, TERMINAL_MESSAGE_MAX_BYTES, TERMINAL_PING_MS } from '../../shared/limits';
import {
  ClientOp,
  decodeServer,
  encodeAck,
  encodeResize,
  frame,
  TERMINAL_SUBPROTOCOL,
  type TerminalStatus,
} from '../../shared/terminal-frames';
import { backOffMs } from './back-off';
import { finalCloses, RESYNC_QUIET_MS, refusal, type TerminalState } from './terminal-state';
import { UnconfirmedInput } from './unconfirmed-input';

/** What of the browser's WebSocket is used; the `ws` package fits too. */
export interface SocketLike {
  binaryType: string;
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export interface TerminalSocketOptions {
  /** Made anew for each try: `size` is the present one, `client` and `offset` as the protocol says. */
  open(query: { client: string; offset: number; cols: number; rows: number }, protocol: string): SocketLike;
  client: string;
  size: { cols: number; rows: number };
  onState(state: TerminalState): void;
  /** Writes to the screen and calls `parsed` when it was parsed: that is what is acknowledged. */
  onOutput(bytes: Uint8Array, parsed: () => void): void;
  onHistory(bytes: Uint8Array): void;
  /** The handshake itself failed this many times in a row: is the sign-in still good? */
  onHandshakeFailed?(times: number): void;
}

/** Input is cut below the server's limit, with room for the opcode. */
const INPUT_CUT_BYTES = Math.min(64 * 1024, TERMINAL_MESSAGE_MAX_BYTES - 1);
/** WebSocket.OPEN; the constant is the same in every implementation. */
const OPEN = 1;
export class TerminalSocket {
  readonly #options: TerminalSocketOptions;
  readonly #input = new UnconfirmedInput();
  #socket: SocketLike | null = null;
  #state: TerminalState = { kind: 'connecting' };
  #size: { cols: number; rows: number };
  /** This socket has said `attached`: input goes out as it is typed. */
  #attached = false;
  #unacked = 0;
  #failures = 0;
  #handshakeFailures = 0;
  #heardAt = 0;
  #ping: ReturnType<typeof setInterval> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #resync: ReturnType<typeof setTimeout> | undefined;

  constructor(options: TerminalSocketOptions) {
    this.#options = options;
    this.#size = options.size;
  }

  get state(): TerminalState {
    return this.#state;
  }

  get unconfirmedBytes(): number {
    return this.#input.size;
  }

  /** Starts, or starts again at once: the button, `online`, the tab came to the front. */
  connect(): void {
    if (this.#state.kind === 'closed') return;
    if (this.#socket && this.#socket.readyState <= OPEN) {
      this.#checkAlive();
      if (this.#socket) return;
    }
    clearTimeout(this.#retry);
    if (this.#state.kind === 'reconnecting') this.#set({ ...this.#state, retryAt: null });
    else this.#set({ kind: 'connecting' });
    this.#open();
  }

  /** As `connect`, but leaves alone what ended or was refused. */
  wake(): void {
    if (this.#state.kind === 'ended' || this.#state.kind === 'refused') return;
    this.connect();
  }

  /**
   * Attaches anew on a new socket, for its history, without a word if that takes no longer than RESYNC_QUIET_MS.
   * False when there is nothing to attach to now, or it is under way already.
   */
  resync(): boolean {
    if (this.#state.kind !== 'connected' || !this.#attached) return false;
    this.#open();
    if (!this.#socket) return false;
    this.#resync = setTimeout(() => {
      if (this.#state.kind === 'connected')
        this.#set({ kind: 'reconnecting', reason: 'The session is being attached again.', retryAt: null });
    }, RESYNC_QUIET_MS);
    return true;
  }

  /** The browser knows that the network is gone. */
  offline(): void {
    if (this.#state.kind === 'connected') this.#lost('This browser is offline.');
  }

  /** False when nothing more can be kept. Never call with an empty array. */
  send(bytes: Uint8Array): boolean {
    if (!this.#input.append(bytes)) return false;
    if (this.#attached) this.#sendInput(bytes);
    return true;
  }

  resize(cols: number, rows: number): void {
    if (cols === this.#size.cols && rows === this.#size.rows) return;
    this.#size = { cols, rows };
    this.#transmit(encodeResize(cols, rows));
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#drop(1000, 'closed by the page');
    this.#set({ kind: 'closed' });
  }

  #set(state: TerminalState): void {
    this.#state = state;
    this.#options.onState(state);
  }

  #open(): void {
    this.#drop(1000, 'replaced');
    let socket: SocketLike;
    const query = { client: this.#options.client, offset: this.#input.confirmed, ...this.#size };
    try {
      socket = this.#options.open(query, TERMINAL_SUBPROTOCOL);
    } catch {
      this.#lost('The connection could not be opened.');
      return;
    }
    const sentSize = this.#size;
    let opened = false;
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    this.#heardAt = Date.now();
    this.#unacked = 0;
    // Also guards the handshake: one that hangs is dropped like a silent connection.
    this.#ping = setInterval(() => this.#beat(), TERMINAL_PING_MS);
    socket.onopen = () => {
      opened = true;
      this.#handshakeFailures = 0;
      this.#heardAt = Date.now();
      if (this.#size !== sentSize) this.#transmit(encodeResize(this.#size.cols, this.#size.rows));
    };
    socket.onmessage = (event: { data: ArrayBuffer | string }) => {
      if (socket !== this.#socket || typeof event.data === 'string') return;
      this.#heardAt = Date.now();
      this.#receive(new Uint8Array(event.data), socket);
    };
    socket.onerror = () => {};
    socket.onclose = (event: { code: number; reason: string }) => {
      if (socket !== this.#socket) return;
      if (!opened) {
        this.#handshakeFailures++;
        this.#options.onHandshakeFailed?.(this.#handshakeFailures);
      }
      this.#closed(event.code, event.reason);
    };
  }

  #receive(message: Uint8Array, socket: SocketLike): void {
    const it = decodeServer(message);
    switch (it?.op) {
      case 'output': {
        const { length } = it.data;
        this.#options.onOutput(it.data, () => this.#parsed(length, socket));
        return;
      }
      case 'history':
        this.#options.onHistory(it.data);
        return;
      case 'status':
        this.#status(it.json);
        return;
      default:
        return;
    }
  }

  #status(json: Uint8Array): void {
    let status: TerminalStatus;
    try {
      // The server of this protocol version writes exactly TerminalStatus; unknown types fall through the switch.
      status = JSON.parse(new TextDecoder().decode(json)) as TerminalStatus;
    } catch {
      return;
    }
    switch (status.type) {
      case 'attached':
        this.#onAttached(status.inputBytes, status.viewers);
        return;
      case 'input':
        this.#input.confirm(status.bytes);
        return;
      case 'viewers':
        if (this.#state.kind === 'connected') this.#set({ kind: 'connected', viewers: status.viewers });
        return;
      case 'reconnecting':
        this.#set({ kind: 'reconnecting', reason: status.reason, retryAt: null });
        return;
      case 'ended':
        this.#set({ kind: 'ended', exitCode: status.exitCode, reason: status.reason });
        this.#drop(1000, 'ended');
        return;
    }
  }

  /** Input is sent again only at a socket's first `attached`; a later one (the server re-attached) just confirms. */
  #onAttached(inputBytes: number, viewers: number): void {
    clearTimeout(this.#resync);
    this.#input.confirm(inputBytes);
    this.#failures = 0;
    if (!this.#attached) {
      this.#attached = true;
      for (const chunk of this.#input.pending()) this.#sendInput(chunk);
    }
    this.#set({ kind: 'connected', viewers });
  }

  #sendInput(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += INPUT_CUT_BYTES)
      this.#transmit(frame(ClientOp.input, bytes.subarray(at, at + INPUT_CUT_BYTES)));
  }

  #parsed(bytes: number, socket: SocketLike): void {
    if (socket !== this.#socket) return;
    this.#unacked += bytes;
    if (this.#unacked < TERMINAL_ACK_BYTES) return;
    this.#transmit(encodeAck(this.#unacked));
    this.#unacked = 0;
  }

  #transmit(message: Uint8Array): void {
    // The encoders allocate plain ArrayBuffers; only their declared type is wider.
    if (this.#socket?.readyState === OPEN) this.#socket.send(message as Uint8Array<ArrayBuffer>);
  }

  #beat(): void {
    this.#checkAlive();
    this.#transmit(frame(ClientOp.ping, new Uint8Array()));
  }

  /** Nothing heard for two pings: the connection is dead, whatever the system still believes. */
  #checkAlive(): void {
    if (Date.now() - this.#heardAt <= 2 * TERMINAL_PING_MS + TERMINAL_PING_MS / 2) return;
    this.#lost('The connection went silent.');
  }

  #closed(code: number, reason: string): void {
    if (this.#state.kind === 'ended') {
      this.#drop();
      return;
    }
    if (finalCloses.has(code)) {
      this.#drop();
      this.#set(refusal(code, reason));
      return;
    }
    this.#lost(reason && code >= 4000 ? refusal(code, reason).title : 'The connection was lost.');
  }

  #lost(reason: string): void {
    this.#drop(4000, 'lost');
    const wait = backOffMs(this.#failures++, Math.random());
    this.#set({ kind: 'reconnecting', reason, retryAt: Date.now() + wait });
    this.#retry = setTimeout(() => {
      this.#set({ kind: 'reconnecting', reason, retryAt: null });
      this.#open();
    }, wait);
  }

  #drop(code?: number, reason?: string): void {
    clearInterval(this.#ping);
    clearTimeout(this.#retry);
    clearTimeout(this.#resync);
    const socket = this.#socket;
    this.#socket = null;
    this.#attached = false;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (socket.readyState <= OPEN) socket.close(code, reason);
  }
}
