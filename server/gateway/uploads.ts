/** POST /api/sandboxes/{id}/uploads?name= : a raw body becomes a file in the sandbox; its path is the answer. */
import { PassThrough, Readable } from 'node:stream';
import { AppError } from '../../shared/errors';
import { UPLOAD_MAX_BYTES } from '../../shared/limits';
import type { Audit, Db, Identity, SandboxAccess } from '../contracts';
import { actorOf } from '../contracts';
import type { GatewayConnections } from './connections';

const NAME_MAX_CHARS = 255;

export interface UploadRequest {
  identity: Identity;
  sandboxId: string;
  /** As the browser says; the sandbox makes a safe file name of it. */
  name: string;
  /** From the request's Content-Length; null is refused. */
  contentLength: number | null;
  body: Readable | ReadableStream<Uint8Array> | null;
  signal?: AbortSignal;
}
/** Throws AppError: `too_large`, `invalid_input`, the codes of SandboxAccess and of Connections.get. */
export type Upload = (request: UploadRequest) => Promise<{ path: string }>;

export function createUploads(options: {
  db: Db;
  audit: Audit;
  access: SandboxAccess;
  connections: GatewayConnections;
  maxBytes?: number;
}): Upload {
  const { db, audit, access, connections, maxBytes = UPLOAD_MAX_BYTES } = options;
  return async ({ identity, sandboxId, name, contentLength, body, signal }) => {
    await access(identity, sandboxId, 'use');
    if (name.length === 0 || name.length > NAME_MAX_CHARS || name.includes('\0')) {
      throw new AppError('invalid_input', `A file name has 1 to ${NAME_MAX_CHARS} characters.`, {
        field: 'name',
      });
    }
    // Only with its size can the sandbox tell a whole file from one whose sender went away.
    if (contentLength === null) {
      throw new AppError('invalid_input', 'An upload needs a Content-Length.', { field: 'Content-Length' });
    }
    if (contentLength > maxBytes) throw tooLarge(maxBytes);
    const connection = await connections.get(sandboxId);
    const counted = new PassThrough();
    // It may be destroyed before the command reads it; what went wrong is in `failure`.
    counted.on('error', () => undefined);
    let size = 0;
    const source =
      body === null ? Readable.from([]) : body instanceof Readable ? body : Readable.fromWeb(body as never); // two types of one thing
    source.on('data', (chunk: Uint8Array) => {
      size += chunk.length;
      if (size > maxBytes) source.destroy(tooLarge(maxBytes));
      else if (!counted.write(chunk)) source.pause();
    });
    counted.on('drain', () => source.resume());
    source.on('end', () => counted.end());
    // `close` without `end`: the browser went away; half a file must not be taken for a whole one.
    source.on('close', () => {
      if (!counted.writableEnded) counted.destroy(new AppError('canceled', 'The upload was cut short.'));
    });
    let failure: unknown;
    source.on('error', (error) => {
      failure = error;
      counted.destroy(error);
    });
    const command = connections.commands.upload(name, contentLength);
    let result: Awaited<ReturnType<typeof connection.exec>>;
    try {
      result = await connection.exec(command, { input: counted, ...(signal ? { signal } : {}) });
    } catch (error) {
      throw failure instanceof AppError ? failure : error;
    }
    const path = result.stdout.toString('utf8').trim();
    if (failure instanceof AppError) throw failure;
    if (result.code !== 0 || !path.startsWith('/')) {
      throw new AppError('unavailable', 'The sandbox could not store the file.', {
        cause: new Error(`upload: exit ${result.code}: ${result.stderr.toString('utf8').slice(0, 500)}`),
      });
    }
    await audit.record(db, {
      type: 'file.upload',
      actor: actorOf(identity),
      target: { type: 'sandbox', id: sandboxId, name: path },
      message: `uploaded ${path}`,
      after: { bytes: size },
    });
    return { path };
  };
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('too_large', `A file may have ${Math.floor(maxBytes / 1024 / 1024)} MiB.`);
}
