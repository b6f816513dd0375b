/** All sessions of the sandbox: found on disk at the start, by a hook or by the spool later; never forgotten. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmuxName } from '../../shared/sandbox-places';
import type { SandboxdSession } from '../../shared/sandboxd-api';
import type { Exchange, ExchangeSink } from './api-observer';
import { number, object, string } from './message-events';
import { ModelRefused } from './model-switch';
import { PromptQueue } from './prompt-queue';
import type { Decision } from './requests';
import { Session } from './session';
import { isSessionId } from './session-id';
import { viewOf } from './session-view';
import { TerminalBytes } from './terminal-bytes';
import { paste, press, takeBack, typed } from './tmux';

/** inotify may miss a file that is replaced; this is how late that is noticed. */
const TICK_MS = 1_000;
/** Claude Code writes its status file within a second of SessionStart. */
const START_GRACE_MS = 10_000;
/** Idle by its own word this long while a turn is open: its end was missed. */
const MISSED_END_MS = 3_000;

export interface Entry {
  session: Session;
  queue: PromptQueue;
  bytes: TerminalBytes;
  idleSince: number | null;
  seenAt: number;
}

interface ClaudeProcess {
  pid: string;
  sessionId: string;
  tmux: string;
  status: string;
  waitingFor: string;
  /** Of the status, epoch ms. */
  since: number;
  /** Given by a person or by Claude. */
  name: string;
}

export class Sessions {
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = new Set<(id: string) => void>();
  readonly #home: string;
  readonly #log: (message: string, fields?: Record<string, unknown>) => void;
  readonly #timer: NodeJS.Timeout;

  constructor(options: { home: string; log: (message: string, fields?: Record<string, unknown>) => void }) {
    this.#home = options.home;
    this.#log = options.log;
    for (const id of names(this.#folder)) if (isSessionId(id)) this.ensure(id);
    this.#timer = setInterval(() => this.#look(), TICK_MS);
  }

  get #folder(): string {
    return join(this.#home, '.cloud-claude', 'frames');
  }
  get size(): number {
    return this.#entries.size;
  }

  ids(): Iterable<string> {
    return this.#entries.keys();
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  ensure(id: string): Entry {
    const present = this.#entries.get(id);
    if (present) return present;
    const folder = join(this.#folder, id);
    const queue: PromptQueue = new PromptQueue({
      folder: join(folder, 'queue'),
      typist: {
        paste: (text) => paste(id, text),
        enter: () => press(id, 'Enter'),
        typed: (text) => typed(id, text),
        clear: (text) => takeBack(id, text),
      },
      ready: () => session.ready,
      failed: (queueId, reason) =>
        session.recorder.emit('meta', { event: 'prompt.failed', queueId, text: reason }),
    });
    const session: Session = new Session({
      id,
      folder,
      log: this.#log,
      onIdle: () => queue.wake(),
      onPrompt: (text) => queue.submitted(text),
      onCommand: (name) => queue.commandTaken(name),
    });
    session.recorder.onChange = () => this.#changed(id);
    const bytes = new TerminalBytes({
      ...{ session: id, folder },
      emit: (data) => session.recorder.emit('pty.raw', data, { turn: session.turns.number }),
    });
    const entry = { session, queue, bytes, idleSince: null, seenAt: Date.now() };
    this.#entries.set(id, entry);
    this.#changed(id);
    return entry;
  }

  /** Takes a request to the API for its session: that of Claude Code's own session id, or ours in the path. */
  open(exchange: Exchange): ExchangeSink | null {
    const { claudeId, session: id } = exchange;
    for (const { session } of this.#entries.values())
      if (claudeId !== undefined && session.knows(claudeId)) return session.open(exchange, false);
    // Another Claude Code that runs inside of the session: seen, and no part of the conversation.
    const named = id === undefined ? undefined : this.#entries.get(id)?.session;
    return named?.open(exchange, claudeId !== undefined) ?? null;
  }

  views(): SandboxdSession[] {
    return [...this.#entries.values()].map(viewOf);
  }

  /** Calls back with the id of each session whose view may be another. Returns the end of it. */
  watch(changed: (id: string) => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  /** Throws ModelRefused. */
  async switchModel({ session }: Entry, model: string): Promise<string> {
    if (!session.ready) throw new ModelRefused('The model can be switched when Claude waits at its prompt.');
    return session.model.run(model, async () => {
      await paste(session.id, `/model ${model}`);
      await press(session.id, 'Enter');
    });
  }

  answer({ session }: Entry, requestId: string, decision: Decision): boolean {
    // The terminal may have answered since the last look.
    this.#look();
    return session.requests.answer(requestId, decision);
  }

  /** False: no turn is running. Escape at an idle prompt would mean something else. */
  async interrupt(entry: Entry): Promise<boolean> {
    if (entry.session.recorder.state.turn === null) return false;
    entry.session.requests.interrupting();
    await press(entry.session.id, 'Escape');
    return true;
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { session, queue, bytes } of this.#entries.values()) {
      bytes.close();
      queue.close();
      session.close();
    }
  }

  #changed(id: string): void {
    for (const changed of this.#watchers) changed(id);
  }

  #look(): void {
    try {
      const processes = claudeProcesses(join(this.#home, '.claude', 'sessions'));
      for (const entry of this.#entries.values()) this.#observe(entry, processes);
    } catch (error) {
      this.#log('status', { error: String(error) });
    }
  }

  #observe(entry: Entry, processes: ClaudeProcess[]): void {
    const { session } = entry;
    const { state } = session.recorder;
    if (state.status === 'stopped' || state.status === 'failed') return;
    void session.pull();
    const name = `${tmuxName(session.id)}:`;
    const process = processes.find((it) => it.tmux.startsWith(name));
    const now = Date.now();
    if (!process) {
      if (now - entry.seenAt > START_GRACE_MS) session.ended('gone');
      return;
    }
    entry.seenAt = now;
    session.observed(process);
    void entry.bytes.follow(process.pid);
    session.titled(process.name);
    const quiet = state.turn === null && state.status === 'idle';
    if (process.status !== 'idle' || quiet) entry.idleSince = null;
    else {
      entry.idleSince ??= now;
      if (now - entry.idleSince > MISSED_END_MS) session.missedEnd();
    }
    if (state.turn === null && entry.queue.length > 0) entry.queue.wake();
  }
}

/** What Claude Code says of itself in `~/.claude/sessions/<pid>.json`, of processes that live. */
function claudeProcesses(folder: string): ClaudeProcess[] {
  return names(folder).flatMap((name) => {
    const pid = /^(\d+)\.json$/.exec(name)?.[1];
    if (pid === undefined) return [];
    try {
      // A file left by a process of an earlier boot may name a pid that lives again.
      if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'claude') return [];
      const said = object(JSON.parse(readFileSync(join(folder, name), 'utf8')));
      return [
        {
          pid,
          sessionId: string(said.sessionId),
          tmux: string(said.tmux),
          status: string(said.status),
          waitingFor: string(said.waitingFor),
          since: number(said.statusUpdatedAt),
          name: string(said.nameSource) === 'derived' ? '' : string(said.name),
        },
      ];
    } catch {
      return []; // being replaced, or of a process that has ended
    }
  });
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
