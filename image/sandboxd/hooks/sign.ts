/** Signs what http hooks send: Standard Webhooks, see HOOK_REPLAY_WINDOW_S in shared/hooks.ts. Pure but for the clock. */
import { createHmac } from '../builtins';

const PREFIX = 'whsec_';

/** `secret` is `whsec_<base64>`; one that somebody wrote by hand without that is taken as the text it is. */
export function signature(secret: string, message: { id: string; timestamp: number; body: string }): string {
  const key = secret.startsWith(PREFIX)
    ? Buffer.from(secret.slice(PREFIX.length), 'base64')
    : Buffer.from(secret);
  const { id, timestamp, body } = message;
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}
