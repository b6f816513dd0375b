/** The operations `/hooks` of sandboxd, for the gateway; JSON in and out, on the same socket as the others. */
import { readHookFile, writeHookFile } from '../../../shared/hook-file';
import { object, string } from '../message-events';
import type { HookStore } from './store';
import { testHook } from './test-run';

export interface HooksAnswer {
  status: number;
  body: unknown;
}

const refused = (status: number, code: string, error: string): HooksAnswer => ({
  status,
  body: { code, error },
});

/**
 * GET  /hooks          -> {image, user}: each {file, revision, problems}
 * PUT  /hooks/user     {file, revision} -> {revision}; 409 when somebody has changed the file since
 * POST /hooks/test     {file, payload}: a file of one hook -> hookTestSchema
 */
export async function answerHooks(
  store: HookStore,
  asked: { route: string; body: Record<string, unknown>; signal: AbortSignal },
): Promise<HooksAnswer> {
  const { route, body } = asked;
  if (route === 'GET /hooks')
    return { status: 200, body: { image: shown(store.image), user: shown(store.user) } };
  if (route === 'PUT /hooks/user') {
    if (string(body.revision) !== store.user.revision)
      return refused(409, 'conflict', 'The file has been changed since it was read.');
    const { hooks, problems } = readHookFile(body.file);
    if (problems[0] !== undefined) return refused(400, 'invalid_input', problems[0]);
    store.writeUser(hooks);
    return { status: 200, body: { revision: store.user.revision } };
  }
  if (route === 'POST /hooks/test') {
    const { hooks, problems } = readHookFile(body.file);
    const [hook] = hooks;
    if (!hook) return refused(400, 'invalid_input', problems[0] ?? 'There is no hook to try.');
    return {
      status: 200,
      body: await testHook({ hook, payload: object(body.payload), signal: asked.signal }),
    };
  }
  return refused(404, 'not_found', 'There is no such operation.');
}

function shown(file: HookStore['user']) {
  const { value: list, revision } = file;
  return { file: writeHookFile(list.hooks), revision, problems: list.problems };
}
