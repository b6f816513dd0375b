/**
 * Paths below a root that lead nowhere else, whatever a program in the sandbox swaps meanwhile. Node has no openat2
 * with RESOLVE_BENEATH, so each part is opened below the folder opened before it, without following links:
 * `/proc/self/fd/N/name` is openat(N, name). Links are followed here, by walking their text the same way.
 */
import { closeSync, constants, fstatSync, openSync, readlinkSync, type Stats } from 'node:fs';
import { isName, nameFromBytes, nameToBytes } from '../../shared/file-names';
import { Refusal } from './refusal';

/** Linux's own limit of links in one path. */
const LINKS_MAX = 40;
/** open(2): for its place only. Opening a device or a pipe so has no effect. Not in Node's table; the same on x86-64 and arm64. */
const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_NONBLOCK } = constants;
const AS_FOLDER = O_PATH | O_DIRECTORY | O_NOFOLLOW;

/** Something that was opened; close it. */
export class Handle {
  readonly fd: number;
  constructor(fd: number) {
    this.fd = fd;
  }

  /** Names this very thing, for one system call of this process. */
  get path(): string {
    return `/proc/self/fd/${this.fd}`;
  }

  /** The same for a program that this process has started. */
  get pathForOthers(): string {
    return `/proc/${process.pid}/fd/${this.fd}`;
  }

  /** A name in this folder. */
  child(name: string): Buffer {
    return Buffer.concat([Buffer.from(`${this.path}/`), nameToBytes(name)]);
  }

  stat(): Stats {
    return fstatSync(this.fd);
  }

  /** Where it stands at this moment, as the kernel says. */
  realPath(): string {
    return nameFromBytes(readlinkSync(this.path, { encoding: 'buffer' }));
  }

  /** For its bytes. Only what is a plain file or a folder should be opened so: others may act or wait. */
  reopen(flags: number = O_RDONLY | O_NONBLOCK): number {
    return openSync(this.path, flags);
  }

  close(): void {
    closeSync(this.fd);
  }
}

export interface Place {
  /** The folder it is in. */
  folder: Handle;
  name: string;
}

export interface RootOptions {
  /** Absolute, and no link itself. */
  path: string;
  /** Absolute paths that are closed, with all that is below them. */
  closed: readonly string[];
}

export class Root {
  readonly #path: string;
  readonly #closed: readonly string[];

  constructor({ path, closed }: RootOptions) {
    this.#path = path;
    this.#closed = closed;
  }

  /** The thing at these parts, links followed as far as they stay inside. */
  open(parts: readonly string[]): Handle {
    return this.#use((stack) => {
      this.#walk(stack, parts);
      return stack.pop() ?? this.#openRoot();
    });
  }

  /** Its folder, opened, and its name there; the last part is not followed. For making, renaming and removing. */
  place(parts: readonly string[]): Place {
    const name = parts.at(-1);
    if (name === undefined) throw new Refusal('forbidden', 'The root itself stays as it is.');
    const folder = this.open(parts.slice(0, -1));
    try {
      if (!folder.stat().isDirectory()) throw new Refusal('not_found', 'A part of this path is no folder.');
      this.#checkOpen(`${folder.realPath()}/${name}`);
      return { folder, name };
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  /** As `place`, and when it is a link, the place that this leads to: a text is written through it. */
  target(parts: readonly string[]): Place {
    const here = this.place(parts);
    let isLink: boolean;
    try {
      const handle = openPart(here.folder, here.name, O_PATH | O_NOFOLLOW);
      isLink = handle.stat().isSymbolicLink();
      handle.close();
    } catch (error) {
      if (!isMissing(error)) {
        here.folder.close();
        throw error;
      }
      return here;
    }
    if (!isLink) return here;
    here.folder.close();
    // By the kernel's word, as the text of links is relative to where they stand.
    const end = this.open(parts);
    try {
      return this.place(this.#partsBelow(end.realPath()));
    } finally {
      end.close();
    }
  }

  /** Whether this is closed, or holds something that is: then it must not be moved away from under that. */
  guards(realPath: string): boolean {
    return this.#closed.some((it) => it === realPath || it.startsWith(`${realPath}/`));
  }

  /** Closed paths below this real path, relative to it. */
  closedBelow(realPath: string): string[] {
    return this.#closed
      .filter((it) => it.startsWith(`${realPath}/`))
      .map((it) => it.slice(realPath.length + 1));
  }

  isClosed(realPath: string): boolean {
    return this.#closed.some((it) => realPath === it || realPath.startsWith(`${it}/`));
  }

  #checkOpen(realPath: string): void {
    if (this.isClosed(realPath))
      throw new Refusal('forbidden', 'This holds secrets of the sandbox; it is not shown here.');
  }

  #openRoot(): Handle {
    try {
      return new Handle(openSync(this.#path, AS_FOLDER));
    } catch {
      throw new Refusal('not_found', `The folder ${this.#path} is not there, or is a link.`);
    }
  }

  #partsBelow(realPath: string): string[] {
    const root = this.#openRoot();
    try {
      const base = root.realPath();
      if (!realPath.startsWith(`${base}/`)) throw outside();
      const parts = realPath.slice(base.length + 1).split('/');
      // A removed file shows as `name (deleted)`: then the names do not lead there, which is refused later on.
      if (!parts.every(isName)) throw outside();
      return parts;
    } finally {
      root.close();
    }
  }

  /** Closes what `use` leaves on the stack. */
  #use(use: (stack: Handle[]) => Handle): Handle {
    const stack = [this.#openRoot()];
    let result: Handle | null = null;
    try {
      result = use(stack);
      this.#checkOpen(result.realPath());
      return result;
    } catch (error) {
      result?.close();
      throw error;
    } finally {
      for (const it of stack) it.close();
    }
  }

  /** Leaves on the stack: the root, each folder down to the end, and the end. */
  #walk(stack: Handle[], parts: readonly string[]): void {
    const todo = [...parts].reverse();
    let links = 0;
    for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
      if (part === '' || part === '.') continue;
      const here = stack.at(-1);
      if (part === '..') {
        // Up by the stack, never by the folder's own `..`, which another process may move.
        if (stack.length === 1) throw outside();
        stack.pop()?.close();
        continue;
      }
      if (!here) throw outside();
      const next = openPart(here, part, O_PATH | O_NOFOLLOW);
      stack.push(next);
      if (!next.stat().isSymbolicLink()) continue;
      if (++links > LINKS_MAX) throw new Refusal('forbidden', 'Too many links lead to each other here.');
      const text = nameFromBytes(readlinkSync(here.child(part), { encoding: 'buffer' }));
      stack.pop()?.close();
      this.#follow(stack, todo, text);
    }
  }

  #follow(stack: Handle[], todo: string[], text: string): void {
    let rest = text;
    if (text.startsWith('/')) {
      const base = stack[0]?.realPath() ?? this.#path;
      if (text !== base && !text.startsWith(`${base}/`)) throw outside();
      rest = text.slice(base.length);
      for (const it of stack.splice(1).reverse()) it.close();
    }
    todo.push(...rest.split('/').reverse());
  }
}

function outside(): Refusal {
  return new Refusal('forbidden', 'This leads out of the folder that files are shown of.');
}

export function openPart(folder: Handle, name: string, flags: number): Handle {
  return new Handle(openSync(folder.child(name), flags));
}

/** A subfolder, which must not be a link. */
export function openFolder(folder: Handle, name: string): Handle {
  return openPart(folder, name, AS_FOLDER);
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
