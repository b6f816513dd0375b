/** What a program may ask and do about a session beside reading frames: the same as the driver in the browser. */
import { createRoute, z } from '@hono/zod-openapi';
import {
  exchangeSchema,
  exchangeSummarySchema,
  sandboxdApi,
  type TurnSummary,
  turnSummarySchema,
} from '../../shared/sandboxd-api';
import { sessionIdSchema } from '../../shared/views';
import type { Identity } from '../contracts';
import type { Frames } from '../services/frames/service';
import { body, failures, identityOf, json, named, needs, type RestApp } from './base';

const tags = ['sessions'];
const sessionParam = z.object({ id: sessionIdSchema });
const after = z.object({ after: z.coerce.number().int().nonnegative().optional() });
const placed = json(z.object({ id: z.string(), position: z.number() }), 'Its id and its place in the queue');

export interface SessionControl {
  frames: Frames;
  /** From the database: also while the sandbox is stopped. */
  history: { turns(identity: Identity, input: { id: string; after: number }): Promise<TurnSummary[]> };
}

export function addSessionControlRoutes(app: RestApp, { frames, history }: SessionControl): void {
  addWriting(app, frames);
  addReading(app, { frames, history });
}

function addWriting(app: RestApp, frames: Frames): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sessions/{id}/answer',
      ...needs('sessions:input'),
      tags,
      summary: "Answer a permission request or a question of Claude's; the first answer wins",
      request: { params: sessionParam, body: body(sandboxdApi.answer.input) },
      responses: {
        200: json(z.object({ accepted: z.boolean() }), 'accepted: false when it was closed before'),
        ...failures,
      },
    }),
    async (c) => {
      const given = { id: c.req.valid('param').id, input: c.req.valid('json') };
      return c.json(await frames.call(identityOf(c.env), 'answer', given), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sessions/{id}/model',
      ...needs('sessions:write'),
      tags,
      summary: 'Switch the model; answers when Claude Code has confirmed it',
      request: { params: sessionParam, body: body(sandboxdApi.model.input) },
      responses: { 200: json(z.object({ id: z.string(), model: z.string() }), 'The model now'), ...failures },
    }),
    async (c) => {
      const given = { id: c.req.valid('param').id, input: c.req.valid('json') };
      return c.json({ id: given.id, ...(await frames.call(identityOf(c.env), 'model', given)) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sessions/{id}/command',
      ...needs('sessions:input'),
      tags,
      summary: "Put a slash command of Claude Code's, such as /compact, into the session's queue",
      request: { params: sessionParam, body: body(sandboxdApi.command.input) },
      responses: { 200: placed, ...failures },
    }),
    async (c) => {
      const given = { id: c.req.valid('param').id, input: c.req.valid('json') };
      return c.json(await frames.call(identityOf(c.env), 'command', given), 200);
    },
  );
}

function addReading(app: RestApp, { frames, history }: SessionControl): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sessions/{id}/commands',
      ...needs('sessions:read'),
      tags,
      summary: 'Slash commands that Claude Code would offer there',
      request: { params: sessionParam },
      responses: { 200: json(sandboxdApi.commands.output, 'Commands'), ...failures },
    }),
    async (c) => {
      const given = { id: c.req.valid('param').id, input: {} };
      return c.json(await frames.call(identityOf(c.env), 'commands', given), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sessions/{id}/files',
      ...needs('sessions:read'),
      tags,
      summary: "Paths below the session's folder that match, best first",
      request: { params: sessionParam, query: z.object({ query: z.string().max(200).default('') }) },
      responses: { 200: json(sandboxdApi.files.output, 'Paths'), ...failures },
    }),
    async (c) => {
      const given = { id: c.req.valid('param').id, input: c.req.valid('query') };
      return c.json(await frames.call(identityOf(c.env), 'files', given), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sessions/{id}/turns',
      ...needs('sessions:read'),
      tags,
      summary: 'Finished turns, oldest first, at most 100; also while the sandbox is stopped',
      request: { params: sessionParam, query: after },
      responses: {
        200: json(z.object({ turns: z.array(named(turnSummarySchema, 'Turn')) }), 'Turns'),
        ...failures,
      },
    }),
    async (c) => {
      const given = { id: c.req.valid('param').id, after: c.req.valid('query').after ?? 0 };
      return c.json({ turns: await history.turns(identityOf(c.env), given) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sessions/{id}/exchanges',
      ...needs('sessions:read'),
      tags,
      summary: 'Requests to the API and their answers, oldest first, at most 200',
      request: { params: sessionParam, query: after },
      responses: {
        200: json(
          z.object({ exchanges: z.array(named(exchangeSummarySchema, 'ExchangeSummary')) }),
          'Exchanges without their bodies',
        ),
        ...failures,
      },
    }),
    async (c) => {
      const given = { id: c.req.valid('param').id, input: c.req.valid('query') };
      return c.json(await frames.call(identityOf(c.env), 'exchanges', given), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sessions/{id}/exchanges/{exchange}',
      ...needs('sessions:read'),
      tags,
      summary: 'One request to the API with headers, bodies and events; credentials are masked',
      request: { params: sessionParam.extend({ exchange: z.coerce.number().int().positive() }) },
      responses: { 200: json(named(exchangeSchema, 'Exchange'), 'The exchange'), ...failures },
    }),
    async (c) => {
      const { id, exchange } = c.req.valid('param');
      const given = { id, exchange, input: {} };
      return c.json(await frames.call(identityOf(c.env), 'exchange', given), 200);
    },
  );
}
