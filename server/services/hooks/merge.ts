/** From what a person sends to what is kept: ids and secrets stay with their hook, new ones are made. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { SecretHook } from '../../../shared/hook-file';
import { HOOK_SECRET_PREFIX, type HookInput, type HookView } from '../../../shared/hooks';

/** As long as the HMAC's own output. */
const SECRET_BYTES = 32;
const HINT_CHARS = 4;

export function merged(
  before: readonly SecretHook[],
  given: readonly HookInput[],
): { hooks: SecretHook[]; made: { id: string; name: string; secret: string }[] } {
  const known = new Map(before.map((it) => [it.id, it]));
  const made: { id: string; name: string; secret: string }[] = [];
  const hooks = given.map(({ newSecret, id: givenId, ...hook }): SecretHook => {
    const old = givenId === undefined ? undefined : known.get(givenId);
    // Once: two hooks of a list are never one.
    if (old) known.delete(old.id);
    const id = old?.id ?? randomUUID();
    if (hook.action.kind === 'command') return { ...hook, id, secret: null };
    if (old?.action.kind === 'http' && !newSecret) return { ...hook, id, secret: old.secret };
    const secret = HOOK_SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64');
    made.push({ id, name: hook.name, secret });
    return { ...hook, id, secret };
  });
  return { hooks, made };
}

export function viewOf({ secret, ...hook }: SecretHook): HookView {
  return { ...hook, secretHint: secret === null ? null : `…${secret.slice(-HINT_CHARS)}` };
}
