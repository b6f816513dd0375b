/** Command lines inside a sandbox: SSH carries one string, which the user's login shell reads. */
import { SANDBOX_SESSION_COMMAND } from '../../shared/names';

/** Exit codes of the session script beside 0. */
export const SESSION_ENDED_EXIT = 41;
export const WORKDIR_MISSING_EXIT = 42;
export const USAGE_EXIT = 64;

/** Each argument in single quotes, which POSIX shells (and zsh) take literally. Throws on NUL, which no argv can hold. */
export function quoteCommand(command: readonly string[]): string {
  return command
    .map((argument) => {
      if (argument.includes('\0')) throw new Error('an argument holds a NUL byte');
      return `'${argument.replaceAll("'", `'\\''`)}'`;
    })
    .join(' ');
}

/** What `session wait` reads: how many words, then the words, each ended by NUL. */
export function encodeWords(words: readonly string[]): Buffer {
  const all = [String(words.length), ...words];
  if (all.some((word) => word.includes('\0'))) throw new Error('an argument holds a NUL byte');
  return Buffer.from(all.map((word) => `${word}\0`).join(''));
}

export interface SessionTarget {
  id: string;
  kind: string;
  workdir: string;
  permissionMode: string;
}

/** The operations of the image's `session` script, as argument arrays. */
export class SessionCommands {
  readonly #program: string;

  constructor(program: string = SANDBOX_SESSION_COMMAND) {
    this.#program = program;
  }

  open(target: SessionTarget, cols: number, rows: number): string[] {
    return [this.#program, 'open', ...operands(target, cols, rows)];
  }
  attach(target: SessionTarget, cols: number, rows: number): string[] {
    return [this.#program, 'attach', ...operands(target, cols, rows)];
  }
  /** Looks on: tmux takes neither keys nor the size of this one. What does not run is not started. */
  view(id: string): string[] {
    return [this.#program, 'view', id];
  }
  /** Its bytes come on stdin and are typed as they stand. */
  input(id: string): string[] {
    return [this.#program, 'input', id];
  }
  resize(id: string, cols: number, rows: number): string[] {
    return [this.#program, 'resize', id, String(cols), String(rows)];
  }
  history(id: string, lines: number): string[] {
    return [this.#program, 'history', id, String(lines)];
  }
  list(): string[] {
    return [this.#program, 'list'];
  }
  status(id: string): string[] {
    return [this.#program, 'status', id];
  }
  end(id: string): string[] {
    return [this.#program, 'end', id];
  }
  /** Its operation and operands come on stdin, later: `encodeWords`. */
  wait(): string[] {
    return [this.#program, 'wait'];
  }
  /** Of the sandbox, or of one session. */
  provider(id?: string): string[] {
    return [this.#program, 'provider', ...(id === undefined ? [] : [id])];
  }
  /** What the gateway keeps of users' hooks, JSON on stdin; nothing there: there are none. */
  hooks(): string[] {
    return [this.#program, 'hooks'];
  }
  options(id: string): string[] {
    return [this.#program, 'options', id];
  }
  restart(id: string, permissionMode: string): string[] {
    return [this.#program, 'restart', id, permissionMode];
  }
  /** Claude's own log-in; `begin` runs until its stdin ends. */
  login(step: 'begin' | 'status' | 'end'): string[] {
    return [this.#program, 'login', step];
  }
  /** With its size a stream that ends early is thrown away there instead of kept as half a file. */
  upload(name: string, bytes: number): string[] {
    return [this.#program, 'upload', name, String(bytes)];
  }
}

function operands(target: SessionTarget, cols: number, rows: number): string[] {
  return [target.id, target.kind, target.workdir, target.permissionMode, String(cols), String(rows)];
}

/** The exit code in the script's JSON line `{"exitCode":N}`; null when there is none. */
export function parseExitCode(stdout: string): number | null {
  const match = /\{"exitCode":\s*(-?\d{1,4})\}/.exec(stdout);
  return match?.[1] === undefined ? null : Number(match[1]);
}
