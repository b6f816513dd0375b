/** The bytes of an attach that are ours to shape: history before the screen, and tmux's questions to the terminal. */
import { ServerOp } from '../../shared/terminal-frames';

/** Lines of history may be long; past this the oldest go. */
export const HISTORY_MAX_BYTES = 4 * 1024 * 1024;
const LINE_FEED = 0x0a;
/** ESC c: reset, scrollback included. In the byte stream, so that it cannot overtake or be overtaken. */
const RESET = Buffer.from('\x1bc');
const PLAIN = Buffer.from('\x1b[0m');

/**
 * One history message: reset, the lines, and as many line feeds as push them above a screen of `rows` rows (tmux
 * clears the screen first thing, and what is still on it then is lost).
 */
export function historyMessage(captured: Buffer, rows: number): Buffer {
  const lines = withReturns(newest(captured, HISTORY_MAX_BYTES));
  const parts: Buffer[] = [Buffer.of(ServerOp.history), RESET];
  if (lines.length > 0) parts.push(lines, PLAIN, Buffer.from('\r\n'.repeat(rows - 1)));
  return Buffer.concat(parts);
}

function newest(bytes: Buffer, max: number): Buffer {
  if (bytes.length <= max) return bytes;
  const cut = bytes.indexOf(LINE_FEED, bytes.length - max);
  return cut === -1 ? bytes.subarray(bytes.length - max) : bytes.subarray(cut + 1);
}

/** LF -> CR LF; `capture-pane` came through no pty. A last line without LF gets one. */
function withReturns(bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  let feeds = bytes[bytes.length - 1] === LINE_FEED ? 0 : 1;
  for (const byte of bytes) if (byte === LINE_FEED) feeds += 1;
  const out = Buffer.allocUnsafe(bytes.length + feeds + (bytes[bytes.length - 1] === LINE_FEED ? 0 : 1));
  let from = 0;
  let at = 0;
  for (;;) {
    const feed = bytes.indexOf(LINE_FEED, from);
    const end = feed === -1 ? bytes.length : feed;
    at += bytes.copy(out, at, from, end);
    if (feed === -1 && from === bytes.length) break;
    out[at] = 0x0d;
    out[at + 1] = LINE_FEED;
    at += 2;
    if (feed === -1) break;
    from = feed + 1;
  }
  return out.subarray(0, at);
}

/**
 * What tmux asks each terminal that attaches, and what xterm.js 6 answers. We answer at once and do not pass the
 * question on: an answer that a reconnect delays would reach the NEXT attach, and tmux types answers that it did not
 * ask for into the program (tty-keys.c: with TTY_HAVEDA set they are no longer recognised).
 */
const QUESTIONS: readonly { ask: Buffer; answer: Buffer }[] = [
  // Primary and secondary device attributes, XTVERSION.
  { ask: Buffer.from('\x1b[c'), answer: Buffer.from('\x1b[?1;2c') },
  { ask: Buffer.from('\x1b[>c'), answer: Buffer.from('\x1b[>0;276;0c') },
  { ask: Buffer.from('\x1b[>q'), answer: Buffer.from('\x1bP>|xterm.js(6.0.0)\x1b\\') },
];

/** Takes tmux's questions out of the first output of an attach. */
export function answerQuestions(first: Buffer): { output: Buffer; answers: Buffer } {
  let output = first;
  const answers: Buffer[] = [];
  for (const { ask, answer } of QUESTIONS) {
    const at = output.indexOf(ask);
    if (at === -1) continue;
    output = Buffer.concat([output.subarray(0, at), output.subarray(at + ask.length)]);
    answers.push(answer);
  }
  return { output, answers: Buffer.concat(answers) };
}
