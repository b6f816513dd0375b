/** What a sandbox gets instead of the Anthropic key: a token of its own and the address of its relay. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { SANDBOX_API_PORT } from '../../shared/limits';

const PURPOSE = 'anthropic-proxy.v1';
export const PROXY_PREFIX = '/proxy/anthropic';

export interface ProviderTokens {
  tokenFor(sandboxId: string): string;
  /** Constant time. */
  matches(sandboxId: string, token: string): boolean;
}

/** Nothing is stored: the token is HMAC-SHA256 of purpose and sandbox id under the master key (32 bytes). */
export function createProviderTokens(masterKey: Uint8Array): ProviderTokens {
  if (masterKey.length < 32) throw new Error('the master key has at least 32 bytes');
  const tokenFor = (sandboxId: string) =>
    `ccp_${createHmac('sha256', masterKey).update(`${PURPOSE}\n${sandboxId}`).digest('base64url')}`;
  return {
    tokenFor,
    matches(sandboxId, token) {
      const expected = Buffer.from(tokenFor(sandboxId));
      const given = Buffer.from(token);
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}

/** provider.env for a sandbox, KEY=VALUE lines; empty when the gateway has no key of its own: Claude asks for a log-in. */
export function providerEnv(token: string | null): string {
  if (token === null) return '';
  return `ANTHROPIC_BASE_URL=http://127.0.0.1:${SANDBOX_API_PORT}${PROXY_PREFIX}\nANTHROPIC_AUTH_TOKEN=${token}\n`;
}
