/**
 * `/ws/shells/{id}` of the seeds' clients over our terminal: binary is the pty's bytes in both directions, a text
 * `{"resize":{"cols":C,"rows":R}}` a new size. What reached the client's socket counts as parsed.
 */
import type { RawData, WebSocket } from 'ws';
import { z } from 'zod';
import { ClientOp, encodeAck, encodeResize, ServerOp } from '../../shared/terminal-frames';
import type { TerminalWire } from './terminal-socket';

export const SHELL_SUBPROTOCOL = 'binary';
const resizeSchema = z.object({
  resize: z.object({ cols: z.int().min(1).max(0xffff), rows: z.int().min(1).max(0xffff) }),
});

/** A message of such a client as one of ours; null: not of this protocol. */
export function fromShellClient(data: RawData, isBinary: boolean): Buffer | null {
  const bytes = Buffer.isBuffer(data) ? data : Buffer.alloc(0);
  if (isBinary) return Buffer.concat([Buffer.of(ClientOp.input), bytes]);
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
  const parsed = resizeSchema.safeParse(json);
  return parsed.success ? Buffer.from(encodeResize(parsed.data.resize.cols, parsed.data.resize.rows)) : null;
}

/** What our terminal sends, for such a client. `taken`: bytes of output that have left, as an acknowledgement. */
export function shellWire(socket: WebSocket, taken: (ack: Buffer) => void): TerminalWire {
  return {
    get readyState() {
      return socket.readyState;
    },
    get OPEN() {
      return socket.OPEN;
    },
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    send(message: Buffer, sent?: () => void) {
      const op = message[0];
      if (op !== ServerOp.output && op !== ServerOp.history) return sent?.();
      const bytes = message.subarray(1);
      socket.send(bytes, () => {
        if (op === ServerOp.output) taken(Buffer.from(encodeAck(bytes.length)));
        sent?.();
      });
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  };
}
