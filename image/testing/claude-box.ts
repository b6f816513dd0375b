/** The real Claude Code in the real image, talking to the scripted API; its frames are read from sandboxd. */
import { randomUUID } from 'node:crypto';
import { type ScriptedApi, startAnthropicApi } from '../../e2e/anthropic/api';
import { type Frame, type FrameKind, type FrameOf, frameSchema } from '../../shared/frames';
import { SANDBOX_API_PORT } from '../../shared/limits';
import { SANDBOX_GATEWAY_SOCKET, SANDBOX_WORKDIR, tmuxName } from '../../shared/names';
import { SANDBOXD_SOCKET, type SandboxdSession, sandboxdApi } from '../../shared/sandboxd-api';
import { imageRef, TestSandbox, until } from './sandbox';

const KEY = 'scripted-token';
const KEY_TRIES = 5;
const KEY_TAKEN_MS = 3_000;
const KEY_LAST_MS = 15_000;

export class ClaudeBox {
  readonly box: TestSandbox;
  readonly api: ScriptedApi;

  private constructor(box: TestSandbox, api: ScriptedApi) {
    this.box = box;
    this.api = api;
  }

  static async start(): Promise<ClaudeBox> {
    const api = await startAnthropicApi({ key: KEY });
    const box = await TestSandbox.create(await imageRef());
    await box.start();
    await box.release();
    await box.forward(SANDBOX_GATEWAY_SOCKET, Number(new URL(api.url).port));
    await box.ssh(
      '/usr/local/lib/cloud-claude/session provider',
      [
        `ANTHROPIC_BASE_URL=http://127.0.0.1:${SANDBOX_API_PORT}`,
        `ANTHROPIC_AUTH_TOKEN=${KEY}`,
        // Ten, with longer and longer pauses, are more than a test waits for.
        'CLAUDE_CODE_MAX_RETRIES=3\n',
      ].join('\n'),
    );
    return new ClaudeBox(box, api);
  }

  /** Opens a session and waits until its SessionStart is in the journal. */
  async open(mode = 'bypassPermissions'): Promise<string> {
    const id = randomUUID();
    await this.reopen(id, mode);
    return id;
  }

  async reopen(id: string, mode = 'bypassPermissions'): Promise<void> {
    const from = (await this.frames(id)).length;
    const { code, stderr } = await this.box.session('open', id, 'claude', SANDBOX_WORKDIR, mode, '110', '30');
    if (code !== 0) throw new Error(`open: ${stderr}`);
    await until(
      () => this.frames(id, from),
      (all) => all.some((it) => it.kind === 'status' && it.data.state === 'idle'),
    );
  }

  async call(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const data = body === undefined ? '' : `-H 'content-type: application/json' --data-binary @-`;
    const { stdout } = await this.box.ssh(
      `curl -sS --unix-socket ${SANDBOXD_SOCKET} -X ${method} ${data} -w '\\n%{http_code}' 'http://sandboxd${path}'`,
      body === undefined ? undefined : JSON.stringify(body),
    );
    const cut = stdout.lastIndexOf('\n');
    return { status: Number(stdout.slice(cut + 1)), text: stdout.slice(0, cut) };
  }

  /** The whole journal; each line is checked against the schema. Empty while sandboxd is not there. */
  async frames(id: string, from = 0): Promise<Frame[]> {
    const { status, text } = await this.call('GET', `/sessions/${id}/frames?from=${from}`);
    if (status !== 200) return [];
    const lines = text.split('\n').filter((it) => it !== '');
    // The schema's own output; frame.kind and frame.data belong together there.
    return lines.map((line) => frameSchema.parse(JSON.parse(line)) as Frame);
  }

  async prompt(id: string, text: string): Promise<void> {
    const { status, text: answer } = await this.call('POST', `/sessions/${id}/prompt`, { text });
    if (status !== 200) throw new Error(`prompt: ${status} ${answer}`);
  }

  /** An operation's answer; throws when it was refused. */
  async get<T>(path: string): Promise<T> {
    const { status, text } = await this.call('GET', path);
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
    return JSON.parse(text) as T; // the caller knows the operation
  }

  /** The summary of one session. */
  async view(id: string): Promise<SandboxdSession> {
    const { sessions } = sandboxdApi.sessions.output.parse(await this.get('/sessions'));
    const found = sessions.find((it) => it.id === id);
    if (!found) throw new Error('no such session');
    return found;
  }

  /** Waits for a request that is open, and gives its id. */
  async asked(id: string): Promise<string> {
    return until(
      async () => (await this.view(id)).waiting?.requestId ?? '',
      (requestId) => requestId !== '',
    );
  }

  async answer(id: string, requestId: string, decision: object): Promise<boolean> {
    const { text } = await this.call('POST', `/sessions/${id}/answer`, { requestId, decision });
    return sandboxdApi.answer.output.parse(JSON.parse(text)).accepted;
  }

  /** Types into the terminal, as a person would. */
  async type(id: string, ...keys: string[]): Promise<void> {
    await this.box.tmux(`send-keys -t ${tmuxName(id)} ${keys.map((it) => `'${it}'`).join(' ')}`);
  }

  /**
   * Presses a key, again only when it was passed over, as Claude Code does in a dialog's first moments: on a busy machine
   * it may be a while before one that was taken shows, and a second Escape or Down means something else.
   */
  async press(id: string, key: string, right: (screen: string) => boolean): Promise<void> {
    let before = '';
    await until(
      () => this.screen(id),
      (screen) => {
        const still = screen === before;
        before = screen;
        return still;
      },
    );
    for (let tries = 1; ; tries++) {
      await this.type(id, key);
      try {
        await until(() => this.screen(id), right, tries < KEY_TRIES ? KEY_TAKEN_MS : KEY_LAST_MS);
        return;
      } catch (error) {
        if (tries === KEY_TRIES) throw error;
      }
    }
  }

  async screen(id: string): Promise<string> {
    return (await this.box.tmux(`capture-pane -p -t ${tmuxName(id)}`)).stdout;
  }

  /** Waits for frames that are right. On failure the journal and the screen are in the error. */
  async waitFor(id: string, right: (frames: Frame[]) => boolean, within = 30_000): Promise<Frame[]> {
    try {
      return await until(() => this.frames(id), right, within);
    } catch {
      const last = (await this.frames(id)).filter((it) => it.kind !== 'hook').slice(-60);
      const told = last.map((it) => JSON.stringify(it).slice(0, 250)).join('\n');
      throw new Error(`the frames never came right:\n${told}\n${await this.screen(id)}`);
    }
  }

  /** Waits for the n-th stop of a turn. */
  stopped(id: string, turns: number): Promise<Frame[]> {
    return this.waitFor(
      id,
      (all) => of(all, 'stop').filter((it) => it.data.scope === 'turn').length >= turns,
    );
  }

  async remove(): Promise<void> {
    await this.box.remove();
    await this.api.close();
  }
}

export function of<K extends FrameKind>(frames: Frame[], kind: K): FrameOf<K>[] {
  // `kind` decides the type of the rest.
  return frames.filter((it) => it.kind === kind) as FrameOf<K>[];
}

/** What the assistant said: the deltas of messages that were not discarded, one string per message. */
export function said(frames: Frame[]): string[] {
  const discarded = new Set(
    of(frames, 'meta').flatMap((it) => (it.data.event === 'message.discarded' ? [it.data.messageId] : [])),
  );
  const texts = new Map<string, string>();
  for (const { data, agent } of of(frames, 'text.delta')) {
    if (data.role !== 'assistant' || agent !== undefined || discarded.has(data.messageId)) continue;
    texts.set(data.messageId, (texts.get(data.messageId) ?? '') + data.text);
  }
  return [...texts.values()];
}

/** The promises of shared/frames.ts that hold for any journal; returns what is broken. */
export function broken(frames: Frame[]): string[] {
  const out: string[] = [];
  const offsets = new Map<string, number>();
  const starts = new Set<string>();
  const results = new Set<string>();
  const usage = new Set<string>();
  const stopped = new Set<number>();
  const asked = new Set<string>();
  const closed = new Set<string>();
  for (const [index, frame] of frames.entries()) {
    const { data, kind, seq } = frame;
    if (seq !== index + 1) out.push(`seq ${seq} at ${index}`);
    const content = ['text.delta', 'thinking', 'tool.use.start', 'tool.use.result', 'usage'].includes(kind);
    if (content && !frame.agent && frame.turn !== undefined && stopped.has(frame.turn))
      out.push(`${kind} ${seq} after its turn's stop`);
    if ((frame.kind === 'text.delta' && frame.data.role === 'assistant') || frame.kind === 'thinking') {
      const piece = frame.data as Extract<typeof data, { messageId: string; offset: number }>; // role is checked
      const key = `${piece.messageId} ${piece.block}`;
      if ((offsets.get(key) ?? 0) !== piece.offset) out.push(`a hole or double in ${key} at ${seq}`);
      offsets.set(key, piece.offset + piece.text.length);
      if (usage.has(piece.messageId)) out.push(`text after usage at ${seq}`);
    }
    const once = (set: Set<string>, id: string) =>
      set.has(id) ? out.push(`${kind} twice: ${id}`) : set.add(id);
    if (frame.kind === 'tool.use.start') once(starts, frame.data.toolUseId);
    if (frame.kind === 'tool.use.result') {
      once(results, frame.data.toolUseId);
      if (!starts.has(frame.data.toolUseId)) out.push(`a result without a start: ${seq}`);
    }
    if (frame.kind === 'ask.question' || frame.kind === 'permission.request')
      once(asked, frame.data.requestId);
    if (frame.kind === 'request.closed') {
      once(closed, frame.data.requestId);
      if (!asked.has(frame.data.requestId)) out.push(`closed and never asked: ${seq}`);
    }
    if (frame.kind === 'usage') once(usage, frame.data.messageId);
    if (frame.kind === 'stop' && frame.data.scope === 'turn' && frame.turn !== undefined) {
      if (stopped.has(frame.turn)) out.push(`turn ${frame.turn} stopped twice`);
      stopped.add(frame.turn);
    }
  }
  return out;
}
