/** `/hooks` of a sandbox's sandboxd, as image/sandboxd/hooks/api.ts answers it. */
import { z } from 'zod';
import { AppError } from '../../../shared/errors';
import { type HookList, readHookFile, type SecretHook, writeHookFile } from '../../../shared/hook-file';
import { HOOK_TIMEOUT_MAX_S } from '../../../shared/hook-rules';
import { type HookTest, hookTestSchema } from '../../../shared/hooks';
import { SANDBOXD_SOCKET } from '../../../shared/sandboxd-api';
import type { SandboxConnection } from '../../contracts';
import { askSandboxd } from '../frames/client';

const fileSchema = z.object({ file: z.unknown(), revision: z.string(), problems: z.array(z.string()) });
const shownSchema = z.object({ image: fileSchema, user: fileSchema });
const ASK_MS = 15_000;

export type FileList = HookList & { revision: string };
type Way = Pick<SandboxConnection, 'unix'>;

async function ask(
  way: Way,
  asked: { method: 'GET' | 'PUT' | 'POST'; path: string; body?: unknown; withinMs?: number },
): Promise<unknown> {
  const stream = await way.unix(SANDBOXD_SOCKET).catch((cause: unknown) => {
    throw new AppError('unavailable', 'The sandbox does not answer for its hooks right now.', { cause });
  });
  return askSandboxd(stream, { ...asked, withinMs: asked.withinMs ?? ASK_MS });
}

export async function readFiles(way: Way): Promise<{ image: FileList; user: FileList }> {
  const shown = shownSchema.parse(await ask(way, { method: 'GET', path: '/hooks' }));
  const list = ({ file, revision, problems }: z.output<typeof fileSchema>): FileList => ({
    hooks: readHookFile(file).hooks,
    ...{ revision, problems },
  });
  return { image: list(shown.image), user: list(shown.user) };
}

/** Throws `conflict` when the file is another one than that revision. Returns the new one. */
export async function writeUserFile(
  way: Way,
  change: { hooks: readonly SecretHook[]; revision: string },
): Promise<string> {
  const body = { file: writeHookFile(change.hooks), revision: change.revision };
  const answer = await ask(way, { method: 'PUT', path: '/hooks/user', body });
  return z.object({ revision: z.string() }).parse(answer).revision;
}

export async function runTest(
  way: Way,
  test: { hook: SecretHook; payload: Record<string, unknown> },
): Promise<HookTest> {
  const body = { file: writeHookFile([test.hook]), payload: test.payload };
  const withinMs = HOOK_TIMEOUT_MAX_S * 1_000 + ASK_MS;
  return hookTestSchema.parse(await ask(way, { method: 'POST', path: '/hooks/test', body, withinMs }));
}
