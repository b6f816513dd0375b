// Keeps one long-running program running: starts it, waits for its ready line, starts it again when it dies.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Backoff } from './backoff.mjs';

/** A program ending with this code has a wrong configuration: starting it again cannot help. */
export const EXIT_CONFIG = 2;
/** How long a program may take to end after SIGTERM before it is killed. */
const STOP_MS = 10_000;

export class Supervised {
  #options;
  #child = null;
  #stopping = false;
  #timer = null;
  #backoff = new Backoff();
  #started = 0;
  #ended = Promise.resolve();
  #firstReady;

  /**
   * `command` [file, ...args]; `env`; `cwd`; `detached` keeps a terminal's Ctrl-C from it; `log` for our own
   * sentences; `onReady(facts)` at each ready line; `onFatal(code)` when it must not be started again;
   * `kill(pid, signal)` where our own kill would not be allowed; `readyMs` bounds a start.
   */
  constructor(name, options) {
    this.name = name;
    this.#options = options;
  }

  /** Starts it and resolves with the facts of its first ready line. Rejects when it ends before. */
  start() {
    return new Promise((resolve, reject) => {
      this.#firstReady = { resolve, reject };
      this.#launch();
    });
  }

  #launch() {
    const { command, env, cwd, detached = true, log, onReady, readyMs = 120_000 } = this.#options;
    this.#started = Date.now();
    const [file, ...args] = command;
    const child = spawn(file, args, { env, cwd, detached, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    const slow = setTimeout(() => {
      log(`${this.name} is not ready after ${readyMs / 1000} s, starting it again`);
      this.#signal('SIGKILL');
    }, readyMs);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const facts = readyFacts(line);
      if (!facts) {
        process.stderr.write(`${line}\n`);
        return;
      }
      clearTimeout(slow);
      onReady?.(facts);
      this.#firstReady?.resolve(facts);
      this.#firstReady = null;
    });
    this.#ended = new Promise((resolve) => {
      const done = (code, why) => {
        clearTimeout(slow);
        this.#child = null;
        resolve();
        this.#afterEnd(code, why);
      };
      child.once('error', (error) => done(127, error.message));
      child.once('exit', (code, signal) => done(code, signal ? `signal ${signal}` : `code ${code}`));
    });
  }

  #afterEnd(code, why) {
    if (this.#stopping) return;
    const { log, onFatal } = this.#options;
    if (this.#firstReady) {
      this.#firstReady.reject(
        Object.assign(new Error(`the ${this.name} ended at its start (${why})`), { code }),
      );
      this.#firstReady = null;
      return;
    }
    if (code === EXIT_CONFIG) {
      onFatal?.(code);
      return;
    }
    const delay = this.#backoff.next(Date.now() - this.#started);
    log(`the ${this.name} ended (${why}); starting it again in ${delay / 1000} s`);
    this.#timer = setTimeout(() => this.#launch(), delay);
  }

  #signal(name) {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      if (this.#options.kill) this.#options.kill(pid, name);
      else process.kill(pid, name);
    } catch {
      // it has just ended
    }
  }

  /** SIGTERM, and SIGKILL after a while. Resolves when it has ended. */
  async stop() {
    this.#stopping = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (!this.#child) return;
    this.#signal('SIGTERM');
    const timer = setTimeout(() => this.#signal('SIGKILL'), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}

/** A ready line `{"ready":true,...}` as an object, any other line as null. */
export function readyFacts(line) {
  if (!line.startsWith('{')) return null;
  try {
    const facts = JSON.parse(line);
    return facts.ready === true ? facts : null;
  } catch {
    return null;
  }
}
