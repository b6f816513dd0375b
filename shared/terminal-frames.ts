/**
 * The terminal's wire protocol, subprotocol `cloud-claude.terminal.v1`, on `/ws/sandboxes/{id}/terminal`.
 * Every message is binary; the first byte is the opcode, the rest the payload:
 *
 *   client -> server                          server -> client
 *   0 input    bytes for the pty              0 output   bytes of the pty
 *   1 resize   u16 BE cols, u16 BE rows       1 status   UTF-8 JSON, see TerminalStatus
 *   2 ack      u32 BE bytes of output parsed  2 history  bytes that go before the live screen
 *   3 ping     anything, echoed               3 pong     what the ping held
 *
 * Nothing typed is lost or doubled over a reconnect: the browser makes a `client` id (UUID) per terminal and counts
 * the input bytes it ever sent. It connects with `&client={uuid}&offset={bytes confirmed}`; the server remembers per
 * client how many bytes it wrote to the pty, says so in `attached.inputBytes`, and confirms on the way with `input`
 * statuses. The browser keeps what is not confirmed and sends it again from `inputBytes` on. A client the server
 * does not know (the gateway was restarted) starts at the given offset.
 *
 * The order of an attach is: one `history` message (always, even when there is nothing to show), the `attached`
 * status, then output. History starts with ESC c, which resets the terminal and its scrollback, and ends with the
 * line feeds that push it above the screen: the browser writes it as it is and never resets by itself. It is not
 * acknowledged; acks count output since the last ack.
 * When the way to the sandbox breaks the server says `reconnecting` on the same socket, attaches again by itself and
 * sends history, `attached`, output once more. What was typed meanwhile is kept by the server, so the browser sends
 * again from `inputBytes` on only at the FIRST `attached` of a socket; it sends no input before that one (with a
 * `client` id such input is dropped, as it would come twice). A later `attached` only confirms bytes.
 * Several viewers: tmux `window-size latest`, the size is that of the viewer who typed or resized last.
 */
export const TERMINAL_SUBPROTOCOL = 'cloud-claude.terminal.v1';

export const ClientOp = { input: 0, resize: 1, ack: 2, ping: 3 } as const;
export const ServerOp = { output: 0, status: 1, history: 2, pong: 3 } as const;

/** What the server tells beside bytes. `attached` comes once, after the history and before the first output. */
export type TerminalStatus =
  | { type: 'attached'; sessionId: string; viewers: number; inputBytes: number }
  /** How many input bytes of this client were ever written to the pty's channel. */
  | { type: 'input'; bytes: number }
  | { type: 'viewers'; viewers: number }
  /** Who may look and not type is told so after `attached`, and again when something was typed: it went nowhere. */
  | { type: 'read-only'; reason: string }
  | { type: 'reconnecting'; reason: string }
  | { type: 'ended'; exitCode: number | null; reason: string };

export type ClientMessage =
  | { op: 'input'; data: Uint8Array }
  | { op: 'resize'; cols: number; rows: number }
  | { op: 'ack'; bytes: number }
  | { op: 'ping'; data: Uint8Array };

export type ServerMessage =
  | { op: 'output'; data: Uint8Array }
  | { op: 'status'; json: Uint8Array }
  | { op: 'history'; data: Uint8Array }
  | { op: 'pong'; data: Uint8Array };

export function frame(op: number, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(payload.length + 1);
  out[0] = op;
  out.set(payload, 1);
  return out;
}

export function encodeResize(cols: number, rows: number): Uint8Array {
  const out = new Uint8Array(5);
  const view = new DataView(out.buffer);
  view.setUint8(0, ClientOp.resize);
  view.setUint16(1, cols);
  view.setUint16(3, rows);
  return out;
}

export function encodeAck(bytes: number): Uint8Array {
  const out = new Uint8Array(5);
  const view = new DataView(out.buffer);
  view.setUint8(0, ClientOp.ack);
  view.setUint32(1, bytes);
  return out;
}

/** Null for an unknown opcode or a payload of the wrong length. */
export function decodeClient(message: Uint8Array): ClientMessage | null {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const data = message.subarray(1);
  switch (message[0]) {
    case ClientOp.input:
      return { op: 'input', data };
    case ClientOp.resize:
      return message.length === 5 ? { op: 'resize', cols: view.getUint16(1), rows: view.getUint16(3) } : null;
    case ClientOp.ack:
      return message.length === 5 ? { op: 'ack', bytes: view.getUint32(1) } : null;
    case ClientOp.ping:
      return { op: 'ping', data };
    default:
      return null;
  }
}

export function decodeServer(message: Uint8Array): ServerMessage | null {
  const data = message.subarray(1);
  switch (message[0]) {
    case ServerOp.output:
      return { op: 'output', data };
    case ServerOp.status:
      return { op: 'status', json: data };
    case ServerOp.history:
      return { op: 'history', data };
    case ServerOp.pong:
      return { op: 'pong', data };
    default:
      return null;
  }
}
