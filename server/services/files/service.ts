/** Files of sandboxes: who may, what is written down of it, and the helper in the sandbox that does it. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { AppError, type ErrorCode } from '../../../shared/errors';
import { FILE_TEXT_MAX_BYTES, FILE_UPLOAD_MAX_BYTES } from '../../../shared/file-limits';
import { shownName } from '../../../shared/file-names';
import { fileListSchema, fileStatSchema, fileTextSchema } from '../../../shared/files';
import { SANDBOX_HOME } from '../../../shared/names';
import { type Audit, actorOf, type Db, type Identity, type SandboxAccess } from '../../contracts';
import type { FilesServices } from '../../files-contracts';
import type { FilesHelper, HelperRequest } from './filesd';

/** A page of entries, or a text in which every character is escaped. */
const ANSWER_MAX_BYTES = 32 * 1024 * 1024;
const ANSWER_MAX_MS = 30_000;
/** Codes that the helper may say; any other is not known to come from it. */
const saidBySandbox = [
  ...(['invalid_input', 'forbidden', 'not_found', 'name_taken', 'conflict'] as const),
  ...(['canceled', 'wrong_state', 'too_large'] as const),
] satisfies ErrorCode[];
const refusalSchema = z.object({ code: z.string(), error: z.string().max(500) });
const writtenSchema = z.object({ etag: z.string(), created: z.boolean() });
const changeSchema = z.object({ path: z.string() });

const paths: Record<string, string> = {
  workspace: `${SANDBOX_HOME}/workspace`,
  home: SANDBOX_HOME,
  claude: `${SANDBOX_HOME}/.claude`,
};

export function createFiles(options: {
  db: Db;
  audit: Audit;
  access: SandboxAccess;
  helper: FilesHelper;
  /** Reading and writing are use, as typing in a terminal is. */
  onActivity(sandboxId: string): void;
}): FilesServices['files'] {
  const { db, audit, access, helper, onActivity } = options;

  async function call<T>(
    schema: z.ZodType<T> | null,
    sandboxId: string,
    request: Omit<HelperRequest, 'signal'> & { signal?: AbortSignal },
  ): Promise<T> {
    const signal = request.signal ?? AbortSignal.timeout(ANSWER_MAX_MS);
    const response = await helper.ask(sandboxId, { ...request, signal });
    const text = await textOf(response);
    if (response.statusCode !== 200) throw refusal(text);
    const parsed = schema?.safeParse(parse(text));
    if (parsed && !parsed.success)
      throw new AppError('unavailable', 'The sandbox did not answer as expected.', { cause: parsed.error });
    // Without a schema nothing of the answer is wanted.
    return parsed?.data as T;
  }

  async function note(
    identity: Identity,
    what: {
      type: string;
      verb: string;
      sandboxId: string;
      root: string;
      path: string;
      after?: Record<string, unknown>;
    },
  ): Promise<void> {
    const shown = shownName(`${paths[what.root]}/${what.path}`);
    onActivity(what.sandboxId);
    await audit.record(db, {
      type: what.type,
      actor: actorOf(identity),
      target: { type: 'sandbox', id: what.sandboxId, name: shown },
      message: `${what.verb} ${shown}`,
      ...(what.after ? { after: what.after } : {}),
    });
  }

  return {
    async roots(identity, sandboxId) {
      await access(identity, sandboxId, 'use');
      return { roots: Object.entries(paths).map(([name, path]) => ({ name, path })) };
    },

    async list(identity, { sandboxId, root, path, from, limit, hidden }) {
      await access(identity, sandboxId, 'use');
      const query = { root, path, from, limit, hidden };
      return call(fileListSchema, sandboxId, { method: 'GET', path: '/list', query });
    },

    async stat(identity, { sandboxId, root, path }) {
      await access(identity, sandboxId, 'use');
      return call(fileStatSchema, sandboxId, { method: 'GET', path: '/stat', query: { root, path } });
    },

    async read(identity, { sandboxId, root, path }) {
      await access(identity, sandboxId, 'use');
      const text = await call(fileTextSchema, sandboxId, {
        method: 'GET',
        path: '/text',
        query: { root, path },
      });
      await note(identity, { type: 'file.read', verb: 'read', sandboxId, root, path });
      return text;
    },

    async write(identity, { sandboxId, root, path, content, ifMatch, create }) {
      await access(identity, sandboxId, 'use');
      const bytes = Buffer.from(content, 'utf8');
      if (bytes.length > FILE_TEXT_MAX_BYTES)
        throw new AppError('too_large', `A text may have ${FILE_TEXT_MAX_BYTES / 1024 / 1024} MiB.`);
      const written = await call(writtenSchema, sandboxId, {
        ...{ method: 'PUT', path: '/text', query: { root, path, if_match: ifMatch, create } },
        body: { stream: Readable.from([bytes]), bytes: bytes.length },
      });
      const after = { bytes: bytes.length, created: written.created };
      await note(identity, { type: 'file.write', verb: 'wrote', sandboxId, root, path, after });
      return written;
    },

    async makeFolder(identity, { sandboxId, root, path, parents }) {
      await access(identity, sandboxId, 'use');
      await call(null, sandboxId, { method: 'POST', path: '/folder', query: { root, path, parents } });
      await note(identity, { type: 'file.mkdir', verb: 'made the folder', sandboxId, root, path });
    },

    async rename(identity, { sandboxId, root, from, to, to_root = root }) {
      await access(identity, sandboxId, 'use');
      const query = { root, path: from, to, to_root };
      await call(null, sandboxId, { method: 'POST', path: '/move', query });
      const after = { to: shownName(`${paths[to_root]}/${to}`) };
      await note(identity, { type: 'file.rename', verb: 'moved', sandboxId, root, path: from, after });
    },

    async remove(identity, { sandboxId, root, path, recursive }) {
      await access(identity, sandboxId, 'use');
      await call(null, sandboxId, { method: 'DELETE', path: '/entry', query: { root, path, recursive } });
      const after = { recursive };
      await note(identity, { type: 'file.delete', verb: 'deleted', sandboxId, root, path, after });
    },

    async download(identity, { sandboxId, root, path, range, signal }) {
      await access(identity, sandboxId, 'use');
      const query = { root, path, start: range?.start, end: range?.end };
      const stream = await helper.ask(sandboxId, { method: 'GET', path: '/content', query, signal });
      if (stream.statusCode !== 200) throw refusal(await textOf(stream));
      const [size, length] = [stream.headers['x-file-size'], stream.headers['content-length']].map(Number);
      const [etag, modified] = [stream.headers['x-file-etag'], stream.headers['x-file-time']].map(String);
      if (!isLength(size) || !isLength(length) || !etag || !/^[\w-]+$/.test(etag)) {
        stream.destroy();
        throw new AppError('unavailable', 'The sandbox did not answer as expected.');
      }
      await note(identity, { type: 'file.download', verb: 'downloaded', sandboxId, root, path });
      return { stream, size, length, etag, modified: modified ?? '' };
    },

    async archive(identity, { sandboxId, root, path, signal }) {
      await access(identity, sandboxId, 'use');
      const query = { root, path };
      const stream = await helper.ask(sandboxId, { method: 'GET', path: '/archive', query, signal });
      if (stream.statusCode !== 200) throw refusal(await textOf(stream));
      await note(identity, { type: 'file.archive', verb: 'downloaded as an archive', sandboxId, root, path });
      return stream;
    },

    async upload(identity, { sandboxId, root, path, parents, create, ifMatch, body, bytes, signal }) {
      await access(identity, sandboxId, 'use');
      if (bytes > FILE_UPLOAD_MAX_BYTES)
        throw new AppError('too_large', `A file may have ${FILE_UPLOAD_MAX_BYTES / 1024 ** 3} GiB.`);
      const query = { root, path, parents, create, if_match: ifMatch };
      const written = await call(writtenSchema, sandboxId, {
        ...{ method: 'PUT', path: '/content', query, body: { stream: body, bytes }, signal },
      });
      const after = { bytes, created: written.created };
      await note(identity, { type: 'file.upload', verb: 'uploaded', sandboxId, root, path, after });
      return written;
    },

    async *watch(identity, { sandboxId, root, paths: watched }, signal) {
      await access(identity, sandboxId, 'use');
      const query = { root, path: watched };
      const response = await helper.ask(sandboxId, { method: 'GET', path: '/watch', query, signal });
      if (response.statusCode !== 200) throw refusal(await textOf(response));
      let rest = '';
      response.setEncoding('utf8');
      try {
        for await (const chunk of response) {
          const lines = (rest + String(chunk)).split('\n');
          rest = lines.pop() ?? '';
          if (rest.length > ANSWER_MAX_BYTES) return;
          for (const line of lines) {
            const change = changeSchema.safeParse(parse(line));
            yield change.success ? change.data.path : null;
          }
        }
      } catch (cause) {
        // The reader comes again by itself.
        if (!signal.aborted)
          throw new AppError('unavailable', 'The connection to the sandbox was lost.', { cause });
      } finally {
        response.destroy();
      }
    },
  };
}

const isLength = (value: number | undefined): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const data = Buffer.from(chunk);
    size += data.length;
    if (size > ANSWER_MAX_BYTES) throw new AppError('unavailable', 'The sandbox answered too much.');
    chunks.push(data);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refusal(text: string): AppError {
  const parsed = refusalSchema.safeParse(parse(text));
  const code = parsed.success ? saidBySandbox.find((it) => it === parsed.data.code) : undefined;
  if (!parsed.success || code === undefined)
    return new AppError(
      'unavailable',
      parsed.success ? parsed.data.error : 'The sandbox did not answer as expected.',
    );
  return new AppError(code, parsed.data.error);
}
