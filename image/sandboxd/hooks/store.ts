/**
 * Where the hooks of each level are: two files that people write, and one that the gateway writes (`session hooks`, and
 * `session first` before the first Claude starts). Each is read again when it has changed.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
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

interface Given {
  workspace: HookList;
  sessions: Map<string, HookList>;
}

/** One that is read again when it has changed, so that what was written counts at once. */
class WatchedFile<T> {
  readonly #path: string;
  readonly #read: (content: unknown, problem: string | null) => T;
  #stamp = '';
  #value: T;
  #revision = '';

  /** `read`: of nothing when there is no file, or it cannot be read, which is the problem. */
  constructor(path: string, read: (content: unknown, problem: string | null) => T) {
    this.#path = path;
    this.#read = read;
    this.#value = read({}, null);
  }

  get value(): T {
    this.#look();
    return this.#value;
  }
  get revision(): string {
    this.#look();
    return this.#revision;
  }

  write(content: object): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(`${this.#path}.new`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
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
    this.#value = this.#read({}, null);
    this.#revision = 'none';
    if (stamp === 'none') return;
    try {
      if (size > FILE_MAX_BYTES) throw new Error('it is larger than 1 MB');
      const content = readFileSync(this.#path);
      this.#revision = createHash('sha256').update(content).digest('hex').slice(0, 32);
      this.#value = this.#read(JSON.parse(content.toString('utf8')), null);
    } catch (error) {
      // Being written, or no JSON: the hooks of a file that cannot be read do not run, and the editor says why.
      const reason = error instanceof Error ? error.message : String(error);
      this.#value = this.#read({}, `The file cannot be read: ${reason}`);
    }
  }
}

const listOf = (content: unknown, problem: string | null): HookList =>
  problem === null ? readHookFile(content) : { hooks: [], problems: [problem] };

/** `{workspace: file, sessions: {id: file}}` */
function givenOf(content: unknown): Given {
  const { workspace, sessions } = object(content);
  return {
    workspace: readHookFile(workspace ?? {}),
    sessions: new Map(Object.entries(object(sessions)).map(([id, file]) => [id, readHookFile(file)])),
  };
}

export class HookStore {
  readonly image: WatchedFile<HookList>;
  readonly user: WatchedFile<HookList>;
  readonly #given: WatchedFile<Given>;

  constructor(options: { home: string; image?: string }) {
    this.image = new WatchedFile(options.image ?? IMAGE_HOOKS, listOf);
    this.user = new WatchedFile(join(options.home, '.claude', 'hooks.json'), listOf);
    this.#given = new WatchedFile(join(options.home, '.cloud-claude', 'gateway-hooks.json'), givenOf);
  }

  writeUser(hooks: readonly SecretHook[]): void {
    this.user.write(writeHookFile(hooks));
  }

  /** Those that an event concerns, in the order in which they are asked. */
  of(session: string, event: string, payload: Record<string, unknown>): LevelHook[] {
    const { workspace, sessions } = this.#given.value;
    const levels: [HookLevel, HookList][] = [
      ['image', this.image.value],
      ['workspace', workspace],
      ['user', this.user.value],
      ['session', sessions.get(session) ?? NOTHING],
    ];
    return levels.flatMap(([level, { hooks }]) =>
      hooks.filter((hook) => concerns(hook, event, payload)).map((hook) => ({ level, hook })),
    );
  }
}
