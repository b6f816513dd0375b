/** Keys for a session's tmux pane. */
import { spawn } from 'node:child_process';
import { SANDBOX_RUN, tmuxName } from '../../shared/sandbox-places';
import { visibleText } from './visible-text';

const SOCKET = `${SANDBOX_RUN}/tmux.sock`;
/** tmux answers in milliseconds; a megabyte of paste takes some more. */
const TMUX_TIMEOUT_MS = 15_000;

/** Resolves with what it printed; rejects with tmux's own words. */
function tmux(args: string[], input?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('tmux', ['-S', SOCKET, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: TMUX_TIMEOUT_MS,
    });
    let said = '';
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (data: string) => {
      printed += data;
    });
    child.stderr.on('data', (data: Buffer) => {
      if (said.length < 1024) said += data.toString();
    });
    child.stdin.on('error', () => {});
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`tmux ${args[0]} ended with ${code}: ${said.trim()}`));
    });
    child.stdin.end(input);
  });
}

/**
 * What is typed for a prompt, so that it arrives as a text whatever it holds. All of this was measured: `!` is a command
 * only in the first column, so a space goes before it. A known `/command` is one behind spaces too, but never as a
 * paste of more than three lines, which Claude Code takes as an attachment: so lines go after it. What cannot be seen is
 * taken out first, so both count as the first character behind it too. Control characters have no place in a prompt and
 * would be keys, ESC[201~ among them; Claude Code drops the rest of them itself.
 */
export function typedPrompt(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const plain = text.replace(/\r\n?/g, '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
  const [first] = visibleText(plain);
  if (first === '/') return `${plain}\n\n\n\n`;
  // Enter after a backslash goes on with another line; after `@word` it takes the first file that is offered.
  const whole = /(?:\\|@\S*)$/.test(plain) ? `${plain} ` : plain;
  return first === '!' ? ` ${whole}` : whole;
}

/** One bracketed paste, atomic in tmux: the application asked for the mode before it showed its prompt. */
export async function paste(session: string, text: string): Promise<void> {
  const buffer = `prompt-${tmuxName(session)}`;
  await tmux(['load-buffer', '-b', buffer, '-'], Buffer.from(`\x1b[200~${text}\x1b[201~`));
  await tmux(['paste-buffer', '-r', '-d', '-b', buffer, '-t', `=${tmuxName(session)}:`]);
}

export const press = (session: string, key: 'Enter' | 'Escape'): Promise<string> =>
  tmux(['send-keys', '-t', `=${tmuxName(session)}:`, key]);

/** What the pane prints is also written to this file; null: no more. Its path holds no quote: a home and a session's id. */
export const pipePane = (session: string, file: string | null): Promise<string> =>
  tmux([
    ...['pipe-pane', '-O', '-t', `=${tmuxName(session)}:`],
    ...(file === null ? [] : [`exec cat >'${file}'`]),
  ]);

const screenOf = (session: string): Promise<string> =>
  tmux(['capture-pane', '-p', '-t', `=${tmuxName(session)}:`]);

/** Whether the input box holds this text. */
export async function typed(session: string, text: string): Promise<boolean> {
  return (await screenOf(session)).split('\n').some((line) => /^❯/.test(line) && line.includes(text));
}

/** Claude Code gives a refused prompt back within a moment of its answer; on a busy machine that is a second. */
const GIVEN_BACK_MS = 3_000;
/** It shows the text for a moment before that too: what stays away this long is away. */
const STAYS_AWAY_MS = 800;
const LOOK_MS = 50;
/** A key takes one line of the screen at most; more is an attachment, which is one thing. */
const LINES_MAX = 60;

/** Takes a prompt that was refused out of the input box: the next one would be joined to it. */
export async function takeBack(session: string, text: string): Promise<void> {
  const [first = ''] = typedPrompt(text).trim().split('\n');
  const begin = visibleText(first).slice(0, 20);
  const lines = Math.min(LINES_MAX, text.split('\n').length + Math.ceil(text.length / 40));
  const deadline = Date.now() + GIVEN_BACK_MS;
  let takenAt: number | null = null;
  while (Date.now() < deadline && (takenAt === null || Date.now() - takenAt < STAYS_AWAY_MS)) {
    const box = (await screenOf(session)).split('\n').findLast((line) => /^❯/.test(line)) ?? '';
    if ((begin !== '' && visibleText(box).includes(begin)) || box.includes('[Pasted text')) {
      // What is before the cursor, then what is after it: Claude Code may have left it at the beginning. A line's end is one too.
      const keys = (key: string, times: number) =>
        tmux(['send-keys', '-N', String(times), '-t', `=${tmuxName(session)}:`, key]);
      await keys('C-u', lines);
      await keys('C-k', 2 * lines);
      takenAt = Date.now();
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
