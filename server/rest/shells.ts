/** Shells in the words of the seeds' clients: sessions of that kind. */
import { createRoute, z } from '@hono/zod-openapi';
import { AppError } from '../../shared/errors';
import { createSessionSchema, type SessionView, sandboxIdSchema } from '../../shared/views';
import type { Identity } from '../contracts';
import { quoteCommand } from '../gateway/sandbox-command';
import type { Typing } from '../services/typing/service';
import { body, failures, identityOf, json, needs, type RestApp, type RestServices } from './base';
import { bytesOf, inputBody } from './conversation';
import { sessionParam } from './session-words';
import { chosenSandbox } from './sessions';

const tags = ['shells'];
const shell = z
  .object({
    id: z.string(),
    sandbox_id: z.string(),
    name: z.string(),
    cwd: z.string(),
    cmd: z.string(),
    created_at: z.string(),
    running: z.boolean(),
    exit_code: z.number().optional(),
  })
  .openapi('Shell');
const SHELL = 'zsh -l';
const word = z
  .string()
  .max(4096)
  .regex(/^[^\0\r\n]*$/, 'A word has no line ends.');
const size = z.object({ cols: z.int().min(1).max(9999), rows: z.int().min(1).max(9999) });

const shown = (view: SessionView) => ({
  id: view.id,
  sandbox_id: view.sandboxId,
  name: view.name,
  cwd: view.workdir,
  cmd: SHELL,
  created_at: view.createdAt,
  running: view.state === 'running' || view.state === 'starting',
  ...(view.exitCode === null ? {} : { exit_code: view.exitCode }),
});

export function addShellRoutes(app: RestApp, { services, typing }: RestServices & { typing: Typing }): void {
  async function shellOf(identity: Identity, id: string): Promise<SessionView> {
    const view = await services.sessions.get(identity, id);
    if (view.kind !== 'shell') throw new AppError('not_found');
    return view;
  }
  async function shellToEnd(identity: Identity, id: string): Promise<void> {
    if (!(await services.sessions.isKind(identity, id, 'shell'))) throw new AppError('not_found');
  }
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/shells',
      ...needs('shells:read'),
      tags,
      summary: 'Shells of one sandbox, or of all that the caller may use',
      request: { query: z.object({ sandbox_id: sandboxIdSchema.optional() }) },
      responses: { 200: json(z.object({ shells: z.array(shell) }), 'Shells'), ...failures },
    }),
    async (c) => {
      const sandboxId = c.req.valid('query').sandbox_id;
      const found = await services.sessions.list(identityOf(c.env), { sandboxId });
      return c.json({ shells: found.filter((it) => it.kind === 'shell').map(shown) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/shells',
      ...needs('shells:write'),
      tags,
      summary: 'Open a shell in a running sandbox; with cmd that takes its place (needs shells:input)',
      request: {
        body: body(
          size.partial().extend({
            sandbox_id: sandboxIdSchema.optional(),
            cwd: createSessionSchema.shape.workdir,
            cmd: word.min(1).optional(),
            args: z.array(word).max(100).optional(),
          }),
        ),
      },
      responses: { 201: json(shell, 'The shell'), ...failures },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const { sandbox_id, cwd, cmd, args = [], cols, rows } = c.req.valid('json');
      const sandboxId = await chosenSandbox({ services }, identity, sandbox_id);
      const made = await services.sessions.create(identity, {
        ...{ sandboxId, kind: 'shell' },
        ...(cwd === undefined ? {} : { workdir: cwd }),
      });
      if (cols !== undefined && rows !== undefined)
        await typing.resize(identity, { id: made.id, cols, rows });
      if (cmd !== undefined) {
        const data = Buffer.from(` exec ${quoteCommand([cmd, ...args])}\r`);
        await typing.input(identity, { id: made.id, kind: 'shell', data });
      }
      return c.json(shown(made), 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/shells/{id}',
      ...needs('shells:read'),
      tags,
      summary: 'One shell',
      request: { params: sessionParam },
      responses: { 200: json(shell, 'The shell'), ...failures },
    }),
    async (c) => c.json(shown(await shellOf(identityOf(c.env), c.req.valid('param').id)), 200),
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/shells/{id}',
      ...needs('shells:write'),
      tags,
      summary: 'End a shell and what runs in it',
      request: { params: sessionParam, query: z.object({ signal: z.enum(['term', 'kill']).optional() }) },
      responses: { 204: { description: 'Ended' }, ...failures },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const { id } = c.req.valid('param');
      // Of a Claude session it is not told that there is one.
      await shellToEnd(identity, id);
      await services.sessions.end(identity, id);
      return c.body(null, 204);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/shells/{id}/input',
      ...needs('shells:input'),
      tags,
      summary: 'Type into a shell, byte by byte as given',
      request: { params: sessionParam, body: body(inputBody) },
      responses: { 200: json(z.object({ bytes: z.number() }), 'How many bytes were typed'), ...failures },
    }),
    async (c) => {
      const data = bytesOf(c.req.valid('json'));
      await typing.input(identityOf(c.env), { id: c.req.valid('param').id, kind: 'shell', data });
      return c.json({ bytes: data.length }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/shells/{id}/resize',
      ...needs('shells:input'),
      tags,
      summary: 'Give a shell a size, until somebody who looks on has another',
      request: { params: sessionParam, body: body(size) },
      responses: { 204: { description: 'Done' }, ...failures },
    }),
    async (c) => {
      await typing.resize(identityOf(c.env), { id: c.req.valid('param').id, ...c.req.valid('json') });
      return c.body(null, 204);
    },
  );
}
