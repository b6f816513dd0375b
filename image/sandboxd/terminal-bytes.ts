/**
 * The bytes of a session's terminal as `pty.raw` frames, while somebody wants them: off by default, as a busy screen would
 * drive what was said out of the journal. tmux copies what the pane prints into a fifo; a file remembers the wish.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { FrameData } from '../../shared/frames';
import { pipePane } from './tmux';

/** Of one frame, before base64. */
const PIECE_MAX_BYTES = 16 * 1024;

export class TerminalBytes {
  readonly #session: string;
  readonly #flag: string;
  readonly #fifo: string;
  readonly #emit: (data: FrameData<'pty.raw'>) => void;
  #on: boolean;
  #reader: Socket | null = null;
  /** The process whose pane is copied. */
  #joined: string | null = null;

  constructor(options: { session: string; folder: string; emit: (data: FrameData<'pty.raw'>) => void }) {
    this.#session = options.session;
    this.#flag = join(options.folder, 'pty-raw');
    this.#fifo = join(options.folder, 'pty.fifo');
    this.#emit = options.emit;
    this.#on = existsSync(this.#flag);
  }

  async set(on: boolean): Promise<void> {
    if (on) writeFileSync(this.#flag, '');
    else rmSync(this.#flag, { force: true });
    this.#on = on;
    this.#joined = null;
    if (on) return;
    await pipePane(this.#session, null).catch(() => {}); // not there: nothing is copied
    this.#stop();
  }

  /** This process runs in the pane now; another one than before has another pane. */
  async follow(process: string): Promise<void> {
    if (!this.#on || this.#joined === process) return;
    this.#joined = process;
    try {
      await this.#listen();
      await pipePane(this.#session, this.#fifo);
    } catch {
      this.#joined = null; // the next look tries again
    }
  }

  close(): void {
    this.#stop();
  }

  async #listen(): Promise<void> {
    if (this.#reader) return;
    if (!existsSync(this.#fifo)) await mkfifo(this.#fifo);
    // For both ways: an end of the writer is then no end of the fifo.
    const file = openSync(this.#fifo, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      this.#reader = new Socket({ fd: file, readable: true, writable: false });
    } catch (error) {
      closeSync(file);
      throw error;
    }
    this.#reader.on('error', () => this.#stop());
    this.#reader.on('data', (data) => {
      for (let at = 0; at < data.length; at += PIECE_MAX_BYTES)
        this.#emit({ base64: data.subarray(at, at + PIECE_MAX_BYTES).toString('base64') });
    });
  }

  #stop(): void {
    this.#reader?.destroy();
    this.#reader = null;
    this.#joined = null;
  }
}

function mkfifo(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('mkfifo', ['-m', '600', path], { stdio: 'ignore' });
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`mkfifo ended with ${code}`))));
  });
}
