/**
 * Files of a sandbox: `/api/sandboxes/{id}/fs/…`, and under the seed's paths `/api/fs/…` with `?sandbox_id=`. Contents
 * go as streams, at the speed of the slower side.
 */
import { Readable } from 'node:stream';
import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { AppError } from '../../shared/errors';
import { FILE_PAGE_ENTRIES, FILE_UPLOAD_MAX_BYTES, FILE_WATCH_MAX_FOLDERS } from '../../shared/file-limits';
import { baseOf } from '../../shared/file-names';
import {
  fileListSchema,
  filePathSchema,
  filePlaceSchema,
  fileRenameSchema,
  fileRootSchema,
  fileStatSchema,
  fileTextSchema,
  fileWriteSchema,
} from '../../shared/files';
import { sandboxIdSchema } from '../../shared/views';
import type { OpenSockets, Services } from '../contracts';
import { body, failures, identityOf, json, needs, type RestApp, type RestEnv } from './base';
import { answerEvents, asErrorEvent, type Report } from './event-stream';
import { disposition, FILE_POLICY, hasTag, pictureType, rangeOf, tagOf } from './file-headers';
import { sandboxMeant } from './sandbox-selector';

const tags = ['files'];
const flag = z.enum(['0', '1']).optional();
const place = z.object({ root: fileRootSchema, path: filePathSchema.default('') });
const conditions = z.object({
  'if-match': z.string().optional().openapi({ description: 'Only if the file still has this ETag' }),
  'if-none-match': z
    .literal('*')
    .optional()
    .openapi({ description: '*: only if nothing of this name is there' }),
});
const written = { 204: { description: 'Done; ETag is the new one' }, ...failures };

interface FileRouteOptions {
  services: Services;
  sockets: OpenSockets;
  report: Report;
}

const seed = {
  prefix: '/api/fs',
  params: z.object({}),
  selector: { sandbox_id: sandboxIdSchema.optional() },
};
const canonical = {
  prefix: '/api/sandboxes/{id}/fs',
  params: z.object({ id: sandboxIdSchema }),
  // Its path names the sandbox; nothing reads the field but `placeOf`, which takes the path's first.
  selector: {} as typeof seed.selector,
};
type Style = typeof seed | typeof canonical;

export function addFileRoutes(app: RestApp, options: FileRouteOptions): void {
  for (const style of [canonical, seed] as const) {
    addReading(app, style, options);
    addWriting(app, style, options);
    addStreams(app, style, options);
  }
}

/** The sandbox of a call in either style. */
function createPlaceOf({ services }: FileRouteOptions) {
  return async (c: Context<RestEnv>) => {
    const identity = identityOf(c.env);
    // Both have been checked by the route's own schema.
    const sandboxId = await sandboxMeant(services, identity, c.req.param('id') ?? c.req.query('sandbox_id'));
    return { identity, sandboxId };
  };
}

function addReading(app: RestApp, { prefix, params, selector }: Style, options: FileRouteOptions): void {
  const { services } = options;
  const placeOf = createPlaceOf(options);
  app.openapi(
    createRoute({
      method: 'get',
      path: `${prefix}/roots`,
      ...needs('files:read'),
      tags,
      summary: 'Folders that files are reached through',
      request: { params, query: z.object(selector) },
      responses: {
        200: json(z.object({ roots: z.array(z.object({ name: z.string(), path: z.string() })) }), 'Roots'),
        ...failures,
      },
    }),
    async (c) => {
      const { identity, sandboxId } = await placeOf(c);
      return c.json(await services.files.roots(identity, sandboxId), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: `${prefix}/list`,
      ...needs('files:read'),
      tags,
      summary: 'Entries of a folder, folders first; `next` of an answer is `from` of the next page',
      request: {
        params,
        query: place.extend({
          ...selector,
          from: z.coerce.number().int().min(0).default(0),
          limit: z.coerce.number().int().min(1).max(FILE_PAGE_ENTRIES).default(FILE_PAGE_ENTRIES),
          hidden: flag.openapi({ description: '0: without names that begin with a dot' }),
        }),
      },
      responses: { 200: json(fileListSchema, 'Entries'), ...failures },
    }),
    async (c) => {
      const { root, path, from, limit, hidden } = c.req.valid('query');
      const { identity, sandboxId } = await placeOf(c);
      const asked = { sandboxId, root, path, from, limit, hidden: hidden !== '0' };
      return c.json(await services.files.list(identity, asked), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: `${prefix}/stat`,
      ...needs('files:read'),
      tags,
      summary: 'One file or folder, links followed',
      request: { params, query: place.extend(selector) },
      responses: { 200: json(fileStatSchema, 'What it is'), ...failures },
    }),
    async (c) => {
      const { root, path } = c.req.valid('query');
      const { identity, sandboxId } = await placeOf(c);
      return c.json(await services.files.stat(identity, { sandboxId, root, path }), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: `${prefix}/read`,
      ...needs('files:read'),
      tags,
      summary: 'A text, up to 4 MiB of it; `binary` when it is no UTF-8 text',
      request: { params, query: place.extend(selector) },
      responses: { 200: json(fileTextSchema, 'The text; ETag as `etag`'), ...failures },
    }),
    async (c) => {
      const { root, path } = c.req.valid('query');
      const { identity, sandboxId } = await placeOf(c);
      const text = await services.files.read(identity, { sandboxId, root, path });
      c.header('etag', `"${text.etag}"`);
      return c.json(text, 200);
    },
  );
}

function addWriting(app: RestApp, { prefix, params, selector }: Style, options: FileRouteOptions): void {
  const { services } = options;
  const placeOf = createPlaceOf(options);
  const query = z.object(selector);
  app.openapi(
    createRoute({
      method: 'put',
      path: `${prefix}/write`,
      ...needs('files:write'),
      tags,
      summary: 'Write a text, whole or not at all',
      request: { params, query, headers: conditions, body: body(fileWriteSchema) },
      responses: written,
    }),
    async (c) => {
      const { root, path, content } = c.req.valid('json');
      const { identity, sandboxId } = await placeOf(c);
      const input = { sandboxId, root, path, content, ...conditionsOf(c) };
      const { etag } = await services.files.write(identity, input);
      return c.body(null, 204, { etag: `"${etag}"` });
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: `${prefix}/mkdir`,
      ...needs('files:write'),
      tags,
      summary: 'Make a folder; with `parents` those above it too, and it may be there already',
      request: { params, query, body: body(filePlaceSchema.extend({ parents: z.boolean().default(false) })) },
      responses: { 204: { description: 'Made' }, ...failures },
    }),
    async (c) => {
      const { root, path, parents } = c.req.valid('json');
      const { identity, sandboxId } = await placeOf(c);
      await services.files.makeFolder(identity, { sandboxId, root, path, parents });
      return c.body(null, 204);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: `${prefix}/rename`,
      ...needs('files:write'),
      tags,
      summary: 'Rename or move; never over something that is there',
      request: { params, query, body: body(fileRenameSchema) },
      responses: { 204: { description: 'Moved' }, ...failures },
    }),
    async (c) => {
      const input = c.req.valid('json');
      const { identity, sandboxId } = await placeOf(c);
      await services.files.rename(identity, { ...input, sandboxId });
      return c.body(null, 204);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: `${prefix}/delete`,
      ...needs('files:write'),
      tags,
      summary: 'Delete; a folder with something in it only with recursive=1',
      request: { params, query: place.extend({ ...selector, recursive: flag }) },
      responses: { 204: { description: 'Deleted' }, ...failures },
    }),
    async (c) => {
      const { root, path, recursive } = c.req.valid('query');
      const { identity, sandboxId } = await placeOf(c);
      await services.files.remove(identity, { sandboxId, root, path, recursive: recursive === '1' });
      return c.body(null, 204);
    },
  );
}

function conditionsOf(c: Context<RestEnv>) {
  const ifMatch = c.req.header('if-match');
  const tag = tagOf(ifMatch);
  if (ifMatch !== undefined && tag === undefined)
    throw new AppError('invalid_input', 'If-Match takes one ETag.', { field: 'If-Match' });
  return { ifMatch: tag, create: c.req.header('if-none-match') === '*' };
}

function addStreams(app: RestApp, { prefix, params, selector }: Style, options: FileRouteOptions): void {
  const { services, sockets, report } = options;
  const placeOf = createPlaceOf(options);

  /** Ends with the client and with the caller's rights. */
  function streamed(c: Context<RestEnv>, place: Awaited<ReturnType<typeof placeOf>>): AbortSignal {
    const aborted = new AbortController();
    const { outgoing } = c.env;
    const unregister = sockets.register({
      ...place,
      // In the middle of an answer the connection goes first, which stops the rest quietly.
      close: () => (outgoing.headersSent ? outgoing.destroy() : aborted.abort()),
    });
    outgoing.once('close', () => {
      unregister();
      aborted.abort();
    });
    return aborted.signal;
  }

  app.openapi(
    createRoute({
      method: 'get',
      path: `${prefix}/download`,
      ...needs('files:read'),
      tags,
      summary: 'The bytes of a file; Range, If-Range and If-None-Match work. inline=1 shows a picture',
      request: { params, query: place.extend({ ...selector, inline: flag }) },
      responses: {
        200: { description: 'The file' },
        206: { description: 'A part of it' },
        304: { description: 'Still the same' },
        416: { description: 'No such part' },
        ...failures,
      },
    }),
    async (c) => {
      const { root, path, inline } = c.req.valid('query');
      const caller = await placeOf(c);
      const given = { sandboxId: caller.sandboxId, root, path };
      const asked = c.req.header('range');
      // What part it is depends on the size; what is sent says whether that was still the same file.
      const before = asked === undefined ? null : await services.files.stat(caller.identity, given);
      const ifRange = c.req.header('if-range');
      const fits = before !== null && (ifRange === undefined || hasTag(ifRange, before.etag));
      const range = fits ? rangeOf(asked, before.size) : null;
      if (range === 'none') return c.body(null, 416, { 'content-range': `bytes */${before?.size ?? 0}` });
      const signal = streamed(c, caller);
      const file = await services.files.download(caller.identity, {
        ...given,
        ...(range ? { range } : {}),
        signal,
      });
      if (range && before?.etag !== file.etag) {
        file.stream.destroy();
        throw new AppError('conflict', 'This file was changed meanwhile.');
      }
      const picture = inline === '1' ? pictureType(path) : null;
      const headers: Record<string, string> = {
        'content-type': picture ?? 'application/octet-stream',
        'content-disposition': disposition(picture ? 'inline' : 'attachment', baseOf(path)),
        'content-security-policy': FILE_POLICY,
        'content-length': String(file.length),
        'accept-ranges': 'bytes',
        'cache-control': 'private, no-cache',
        etag: `"${file.etag}"`,
      };
      if (hasTag(c.req.header('if-none-match'), file.etag) && !range) {
        file.stream.destroy();
        const { 'content-length': _none, ...rest } = headers;
        return c.body(null, 304, rest);
      }
      if (range) headers['content-range'] = `bytes ${range.start}-${range.end}/${file.size}`;
      // Two types of one thing: Node's and the web's.
      return c.body(Readable.toWeb(file.stream) as ReadableStream, range ? 206 : 200, headers);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: `${prefix}/archive`,
      ...needs('files:read'),
      tags,
      summary: 'A folder or a file as .tar.gz, made while it is sent',
      request: { params, query: place.extend(selector) },
      responses: {
        200: { description: 'application/gzip; cut off when it could not be finished' },
        ...failures,
      },
    }),
    async (c) => {
      const { root, path } = c.req.valid('query');
      const caller = await placeOf(c);
      const given = { sandboxId: caller.sandboxId, root, path, signal: streamed(c, caller) };
      const stream = await services.files.archive(caller.identity, given);
      return c.body(Readable.toWeb(stream) as ReadableStream, 200, {
        'content-type': 'application/gzip',
        'content-disposition': disposition('attachment', `${baseOf(path) || root}.tar.gz`),
        'content-security-policy': FILE_POLICY,
        'cache-control': 'private, no-store',
      });
    },
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: `${prefix}/upload`,
      ...needs('files:write'),
      tags,
      summary:
        'The body as a file, whole or not at all; never unpacked. parents=1 makes the folders above it',
      request: {
        params,
        query: place.extend({ ...selector, parents: flag }),
        headers: conditions,
        body: {
          content: { 'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) } },
        },
      },
      responses: written,
    }),
    async (c) => {
      const { root, path, parents } = c.req.valid('query');
      const length = c.req.header('content-length');
      const bytes = length === undefined ? Number.NaN : Number(length);
      if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > FILE_UPLOAD_MAX_BYTES)
        throw new AppError('invalid_input', 'An upload needs a Content-Length.', { field: 'Content-Length' });
      const caller = await placeOf(c);
      const { etag } = await services.files.upload(caller.identity, {
        ...{ sandboxId: caller.sandboxId, root, path, parents: parents === '1', ...conditionsOf(c) },
        ...{ body: c.env.incoming, bytes, signal: streamed(c, caller) },
      });
      return c.body(null, 204, { etag: `"${etag}"` });
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: `${prefix}/watch`,
      ...needs('files:read'),
      tags,
      summary:
        'Server-sent events: `watching` once, then `changed` with the path of a folder that has changed',
      request: {
        params,
        query: z.object({
          ...selector,
          root: fileRootSchema,
          path: z
            .union([filePathSchema, z.array(filePathSchema).max(FILE_WATCH_MAX_FOLDERS)])
            .transform((it) => (typeof it === 'string' ? [it] : it)),
        }),
      },
      responses: { 200: { description: 'text/event-stream' }, ...failures },
    }),
    async (c) => {
      const { root, path } = c.req.valid('query');
      const caller = await placeOf(c);
      // A refusal has its status: the stream's first byte would be too late for that.
      await services.files.roots(caller.identity, caller.sandboxId);
      const opened = { sockets, ...caller, report, failed: asErrorEvent };
      return answerEvents(c, opened, async (stream, signal) => {
        const asked = { sandboxId: caller.sandboxId, root, paths: path };
        let watching = false;
        for await (const changed of services.files.watch(caller.identity, asked, signal)) {
          // From the first word of the helper on nothing is missed: what was listed before may be old.
          if (changed === null && !watching) await stream.writeSSE({ event: 'watching', data: '{}' });
          else if (changed === null) await stream.write(': keep-alive\n\n');
          else await stream.writeSSE({ event: 'changed', data: JSON.stringify({ root, path: changed }) });
          watching = true;
        }
      });
    },
  );
}
