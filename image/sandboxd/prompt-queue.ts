/**
 * Prompts that wait for a session, one file each, typed one after the other when Claude waits at its prompt. A prompt
 * is done when UserPromptSubmit (or the transcript) shows its text; states and crash points in shared/sandboxd-api.ts.
 */

import { mkdirSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROMPT_QUEUE_MAX } from '../../shared/sandboxd-limits';
import { randomUUID } from './builtins';
import { typedPrompt } from './tmux';
import { visibleText } from './visible-text';

/** Claude Code takes a prompt within 20 ms; a megabyte within a second. */
const SUBMIT_WAIT_MS = 4_000;
const ENTER_TRIES = 3;

interface Entry {
  number: number;
  id: string;
  text: string;
  typing: boolean;
  /** A slash command: typed as it stands. */
  command?: true;
}

export interface Typist {
  paste(text: string): Promise<void>;
  enter(): Promise<unknown>;
  /** Whether the text stands in the input box. */
  typed(text: string): Promise<boolean>;
  /** Takes it out of there. */
  clear(text: string): Promise<void>;
}

export interface PromptQueueOptions {
  folder: string;
  typist: Typist;
  /** At its prompt, no turn, no dialog. */
  ready: () => boolean;
  /** Gave up on it. */
  failed: (id: string, reason: string) => void;
  submitWaitMs?: number;
}

export class PromptQueue {
  readonly #options: PromptQueueOptions;
  readonly #entries: Entry[] = [];
  /** The newest that are done: the same id again is the same prompt. */
  readonly #done: string[] = [];
  #number = 0;
  #running = false;
  #submitted: (() => void) | null = null;
  #closed = false;
  /** Something else has keys for the input box: nothing is typed until it is done. */
  #held: Promise<unknown> | null = null;

  constructor(options: PromptQueueOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(options.folder).sort()) {
      if (!name.endsWith('.json')) continue;
      // Written by `#write`, renamed whole.
      const entry = JSON.parse(readFileSync(join(options.folder, name), 'utf8')) as Entry;
      this.#entries.push(entry);
      this.#number = Math.max(this.#number, entry.number);
    }
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Null when too many wait. Throws when the disk does not take it. */
  add(
    text: string,
    { id = randomUUID(), command }: { id?: string | undefined; command?: true } = {},
  ): { id: string; position: number } | null {
    const known = this.#entries.findIndex((it) => it.id === id);
    if (known !== -1) return { id, position: known };
    if (this.#done.includes(id)) return { id, position: 0 };
    if (this.#entries.length >= PROMPT_QUEUE_MAX) return null;
    const entry = { number: ++this.#number, id, text, typing: false, ...(command ? { command } : {}) };
    this.#write(entry);
    this.#entries.push(entry);
    this.wake();
    return { id, position: this.#entries.length - 1 };
  }

  /** Claude took a prompt with this text: ours when the typed one is in it. Returns its id. */
  submitted(text: string): string | undefined {
    const entry = this.#entries[0];
    if (!entry?.typing || entry.command) return undefined;
    const typed = visibleText(typedPrompt(entry.text));
    // What cannot be seen would be in every text.
    if (typed === '' || !visibleText(text).includes(typed)) return undefined;
    this.#remove(entry);
    this.#submitted?.();
    return entry.id;
  }

  /** Claude took a command of this name. */
  commandTaken(name: string): void {
    const entry = this.#entries[0];
    if (!entry?.typing || !entry.command || commandOf(entry.text) !== name) return;
    this.#remove(entry);
    this.#submitted?.();
  }

  /** Types the next one if it may. */
  wake(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
    });
  }

  /** Types nothing until this is done. */
  hold(work: Promise<unknown>): void {
    const held = Promise.allSettled([this.#held, work]).then(() => {
      if (this.#held !== held) return;
      this.#held = null;
      this.wake();
    });
    this.#held = held;
  }

  close(): void {
    this.#closed = true;
    this.#submitted?.();
  }

  async #run(): Promise<void> {
    for (let entry = this.#entries[0]; entry && !this.#closed; entry = this.#entries[0]) {
      if (this.#held || !this.#options.ready()) return;
      try {
        await this.#type(entry);
      } catch (error) {
        this.#giveUp(entry, error instanceof Error ? error.message : String(error));
        continue;
      }
      if (this.#entries[0] !== entry || this.#closed) continue;
      // What stays in the input box would be joined to the next one.
      await this.#options.typist.clear(entry.text).catch(() => {});
      this.#giveUp(entry, 'Claude Code did not take it.');
    }
  }

  async #type(entry: Entry): Promise<void> {
    // Typed by a sandboxd that died: it may stand in the input box, and Enter on an empty one does nothing.
    if (entry.typing && (await this.#enter(entry, 1))) return;
    entry.typing = true;
    this.#write(entry);
    await this.#options.typist.paste(entry.command ? entry.text : typedPrompt(entry.text));
    await this.#enter(entry, ENTER_TRIES);
  }

  async #enter(entry: Entry, tries: number): Promise<boolean> {
    const { submitWaitMs = SUBMIT_WAIT_MS } = this.#options;
    for (let i = 0; i < tries && this.#entries[0] === entry && !this.#closed; i++) {
      // A command may have opened a dialog, where Enter would choose something.
      if (entry.command && (i > 0 || tries === 1) && !(await this.#options.typist.typed(entry.text))) break;
      const taken = new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, submitWaitMs);
        this.#submitted = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      await this.#options.typist.enter();
      await taken;
      this.#submitted = null;
    }
    return this.#entries[0] !== entry;
  }

  #giveUp(entry: Entry, reason: string): void {
    this.#remove(entry);
    this.#options.failed(entry.id, reason);
  }

  #path(entry: Entry): string {
    return join(this.#options.folder, `${String(entry.number).padStart(12, '0')}.json`);
  }

  #write(entry: Entry): void {
    const path = this.#path(entry);
    writeFileSync(`${path}.new`, JSON.stringify(entry), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  #remove(entry: Entry): void {
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    this.#done.push(entry.id);
    if (this.#done.length > PROMPT_QUEUE_MAX) this.#done.shift();
    try {
      unlinkSync(this.#path(entry));
    } catch {
      // Gone already.
    }
  }
}

const commandOf = (text: string): string | undefined => /^\/(\S+)/.exec(text)?.[1];
