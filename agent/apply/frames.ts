import { Transform, type TransformCallback } from 'node:stream';

/** A few of Docker's 32 KiB frames: enough to keep both sides busy, little per stream. */
const HIGH_WATER_BYTES = 128 * 1024;

/**
 * Docker's multiplexed stream of an exec without a terminal (Engine API, "Attach to a container"):
 *
 *   0 stream (1 stdout, 2 stderr) | 1-3 zero | 4-7 payload length, u32 big endian | payload
 *
 * Frames come cut anywhere. Stdout passes through as it comes, with the stream's own back-pressure; stderr goes
 * to `onStderr`. Anything else is an error: it means that we lost our place.
 */
export class Demultiplexer extends Transform {
  readonly #header = Buffer.alloc(8);
  #have = 0;
  #left = 0;
  #stream = 0;
  readonly #onStderr: (chunk: Buffer) => void;

  constructor(onStderr: (chunk: Buffer) => void) {
    super({ highWaterMark: HIGH_WATER_BYTES });
    this.#onStderr = onStderr;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left === 0) {
        const take = Math.min(8 - this.#have, chunk.length - at);
        chunk.copy(this.#header, this.#have, at, at + take);
        this.#have += take;
        at += take;
        if (this.#have < 8) break;
        this.#have = 0;
        this.#stream = this.#header[0] ?? 0;
        this.#left = this.#header.readUInt32BE(4);
        if (this.#stream !== 1 && this.#stream !== 2) {
          done(new Error(`Docker sent a frame of unknown stream ${this.#stream}`));
          return;
        }
        continue;
      }
      const piece = chunk.subarray(at, at + this.#left);
      at += piece.length;
      this.#left -= piece.length;
      if (this.#stream === 1) this.push(piece);
      else this.#onStderr(piece);
    }
    done();
  }

  override _flush(done: TransformCallback): void {
    done(this.#left > 0 || this.#have > 0 ? new Error('Docker ended the stream inside a frame') : null);
  }
}
