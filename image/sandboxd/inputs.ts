/**
 * Checks of what the API is given, by hand: zod would be a fifth of this program's memory. A test holds each of them to
 * the schema of shared/sandboxd-api.ts.
 */
import type { z } from 'zod';
import type { sandboxdApi } from '../../shared/sandboxd-api';
import { object } from './message-events';
import type { Decision } from './requests';

type Input<O extends keyof typeof sandboxdApi> = z.output<(typeof sandboxdApi)[O]['input']>;
type Json = Record<string, unknown>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const NIL = /^(0{8}-(0{4}-){3}0{12}|f{8}-(f{4}-){3}f{12})$/i;
const MODEL = /^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,126}(\[1m\])?$/;
const REQUEST_ID_MAX_CHARS = 128;
const MESSAGE_MAX_CHARS = 10_000;
const COMMAND_MAX_CHARS = 2_000;
const QUERY_MAX_CHARS = 200;

/** Each gives the input, or null when it is none. */
export const inputs = {
  frames(given: Json): Input<'frames'> | null {
    const from = whole(given.from);
    if (from === null) return null;
    const follow = given.follow === undefined ? {} : { follow: Boolean(given.follow) };
    return { ...(from === undefined ? {} : { from }), ...follow };
  },
  after(given: Json): { after?: number } | null {
    const after = whole(given.after);
    if (after === null) return null;
    return after === undefined ? {} : { after };
  },
  prompt({ text, id }: Json): Input<'prompt'> | null {
    if (typeof text !== 'string' || text === '' || !isId(id)) return null;
    return { text, ...(id === undefined ? {} : { id }) };
  },
  command({ command, id }: Json): Input<'command'> | null {
    if (typeof command !== 'string' || command.length > COMMAND_MAX_CHARS || !isId(id)) return null;
    if (!/^\/[A-Za-z][^\n\r]*$/.test(command) || /\p{Cc}/u.test(command)) return null;
    return { command, ...(id === undefined ? {} : { id }) };
  },
  model({ model }: Json): Input<'model'> | null {
    return typeof model === 'string' && MODEL.test(model) ? { model } : null;
  },
  raw({ on }: Json): Input<'raw'> | null {
    return typeof on === 'boolean' ? { on } : null;
  },
  files({ query }: Json): Input<'files'> | null {
    return typeof query === 'string' && query.length <= QUERY_MAX_CHARS ? { query } : null;
  },
  answer({ requestId, decision }: Json): Input<'answer'> | null {
    if (typeof requestId !== 'string' || requestId.length > REQUEST_ID_MAX_CHARS) return null;
    const checked = decisionOf(object(decision));
    return checked && { requestId, decision: checked };
  },
};

function decisionOf(given: Json): Decision | null {
  const { behavior, message, interrupt, updatedInput, answers } = given;
  if (behavior === 'deny') {
    if (message !== undefined && (typeof message !== 'string' || message.length > MESSAGE_MAX_CHARS))
      return null;
    if (interrupt !== undefined && typeof interrupt !== 'boolean') return null;
    return {
      behavior,
      ...(message === undefined ? {} : { message }),
      ...(interrupt === undefined ? {} : { interrupt }),
    };
  }
  if (behavior !== 'allow') return null;
  if (updatedInput !== undefined && !isRecord(updatedInput)) return null;
  if (answers !== undefined && !isTexts(answers)) return null;
  return {
    behavior,
    ...(given.remember === undefined ? {} : { remember: given.remember }),
    ...(updatedInput === undefined ? {} : { updatedInput }),
    ...(answers === undefined ? {} : { answers }),
  };
}

/** Undefined: not given. Null: no whole number from 0 on. */
function whole(value: unknown): number | null | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) && number >= 0 ? number : null;
}

const isId = (id: unknown): id is string | undefined =>
  id === undefined || (typeof id === 'string' && (UUID.test(id) || NIL.test(id)));

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTexts = (value: unknown): value is Record<string, string> =>
  isRecord(value) && Object.values(value).every((it) => typeof it === 'string');
