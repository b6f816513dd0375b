/** Where the hooks of each level are: two files that people write, and what the gateway gave us, kept for a restart. */

import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type HookList, readHookFile, type SecretHook, writeHookFile } from '../../../shared/hook-file';
import { concerns, type HookLevel } from '../../../shared/hook-rules';
import { createHash } from '../builtins';
import { object } from '../message-events';

export const IMAGE_HOOKS = '/etc/cloud-claude/hooks.json';
const FILE_MAX_BYTES = 1024 * 1024;
const NOTHING: HookList = { hooks: [], problems: [] };

export interface LevelHook {
  level: HookLevel;
  hook: SecretHook;
}

/** One that is read again when it has changed, so that what is written by hand counts at once. */
class WatchedFile {
  readonly #path: string;
  #stamp = '';
  #list = NOTHING;
  #revision = '';

  constructor(path: string) {
    this.#path = path;
  }

  get list(): HookList {
    this.#look();
    return this.#list;
  }
  get revision(): string {
    this.#look();
    return this.#revision;
  }

  write(hooks: readonly SecretHook[]): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    const content = `${JSON.stringify(writeHookFile(hooks), null, 2)}\n`;
    writeFileSync(`${this.#path}.new`, content, { mode: 0o600 });
    // Also when one was left by a crash: it holds secrets.
    chmodSync(`${this.#path}.new`, 0o600);
    renameSync(`${this.#path}.new`, this.#path);
    this.#stamp = '';
  }

  #look(): void {
    let stamp = 'none';
    let size = 0;
    try {
      const { mtimeMs, size: bytes, ino } = statSync(this.#path);
      size = bytes;
      stamp = `${mtimeMs} ${bytes} ${ino}`;
    } catch {
      // there is none
    }
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    this.#list = NOTHING;
    this.#revision = 'none';
    if (stamp === 'none') return;
    try {
      if (size > FILE_MAX_BYTES) throw new Error('it is larger than 1 MB');
      const content = readFileSync(this.#path);
      this.#revision = createHash('sha256').update(content).digest('hex').slice(0, 32);
      this.#list = readHookFile(JSON.parse(content.toString('utf8')));
    } catch (error) {
      // Being written, or no JSON: the hooks of a file that cannot be read do not run, and the editor says why.
      const reason = error instanceof Error ? error.message : String(error);
      this.#list = { hooks: [], problems: [`The file cannot be read: ${reason}`] };
    }
  }
}

export class HookStore {
  readonly image: WatchedFile;
  readonly user: WatchedFile;
  readonly #given: string;
  #workspace = NOTHING;
  #sessions = new Map<string, HookList>();

  constructor(options: { home: string; image?: string }) {
    this.image = new WatchedFile(options.image ?? IMAGE_HOOKS);
    this.user = new WatchedFile(join(options.home, '.claude', 'hooks.json'));
    this.#given = join(options.home, '.cloud-claude', 'gateway-hooks.json');
    try {
      this.#take(JSON.parse(readFileSync(this.#given, 'utf8')));
    } catch {
      // Nothing was given yet; the gateway gives it again when it connects.
    }
  }

  /** What the gateway keeps: `{workspace: file, sessions: {id: file}}`. All of it, each time. */
  give(content: unknown): void {
    this.#take(content);
    // Without hooks there is no file: by that `ask-hooks` knows that it need not ask.
    const some = [this.#workspace, ...this.#sessions.values()].some((it) => it.hooks.length > 0);
    if (!some) {
      rmSync(this.#given, { force: true });
      return;
    }
    mkdirSync(dirname(this.#given), { recursive: true });
    writeFileSync(`${this.#given}.new`, JSON.stringify(content), { mode: 0o600 });
    renameSync(`${this.#given}.new`, this.#given);
  }

  #take(content: unknown): void {
    const { workspace, sessions } = object(content);
    this.#workspace = readHookFile(workspace ?? {});
    this.#sessions = new Map(Object.entries(object(sessions)).map(([id, file]) => [id, readHookFile(file)]));
  }

  /** Those that an event concerns, in the order in which they are asked. */
  of(session: string, event: string, payload: Record<string, unknown>): LevelHook[] {
    const levels: [HookLevel, HookList][] = [
      ['image', this.image.list],
      ['workspace', this.#workspace],
      ['user', this.user.list],
      ['session', this.#sessions.get(session) ?? NOTHING],
    ];
    return levels.flatMap(([level, { hooks }]) =>
      hooks.filter((hook) => concerns(hook, event, payload)).map((hook) => ({ level, hook })),
    );
  }
}
