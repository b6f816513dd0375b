/** From a session to who answers it: one provider, with its credential, and never another one in its place. */
import type { Provider } from '../../../prisma/generated/client';
import type { Db } from '../../contracts';
import type { Credential } from '../../gateway/proxy-headers';
import type { NoUpstream, Upstream } from '../../gateway/upstreams';
import type { Reach } from '../../outbound/addresses';
import { rightsOf } from '../sandboxes/access';
import { builtIn, type ProviderRefs } from './refs';
import type { ProviderSecrets } from './secrets';

/** What the API wants with a token of `claude setup-token`. */
export const OAUTH_BETA = 'oauth-2025-04-20';
/** A change is told by `forget`; this is for what is changed elsewhere, such as a membership. */
const KEPT_MS = 5_000;
/** Sessions that are kept in mind; more than are at work at once. */
const KEPT_MAX = 1_000;
const USED_EVERY_MS = 60_000;

export interface SessionUpstreams {
  of(place: { sandboxId: string; sessionId: string }): Promise<Upstream | NoUpstream>;
  /** Of a provider's row; for a probe. */
  ofRow(row: Provider): Upstream;
  /** A provider or a session changed: the next request looks anew. */
  forget(): void;
}

export function createSessionUpstreams(options: {
  db: Db;
  secrets: ProviderSecrets;
  refs: ProviderRefs;
  /** The gateway's own, when it has a credential. */
  own: Upstream | null;
  /** Where Anthropic's API is. */
  baseUrl: string;
  /** Where hosts that people name may be. */
  reach: Reach;
}): SessionUpstreams {
  const { db, own } = options;
  const anthropic = new URL(options.baseUrl);
  const kept = new Map<string, { until: number; found: Upstream | NoUpstream }>();
  const used = new Map<string, number>();
  /** What was looked up before a change is told of is not kept. */
  let generation = 0;

  async function look(place: { sandboxId: string; sessionId: string }): Promise<Upstream | NoUpstream> {
    const row = await db.session.findFirst({
      where: { id: place.sessionId, sandboxId: place.sandboxId, kind: 'claude' },
      select: { providerId: true, state: true },
    });
    if (!row || row.state === 'ended') return { refused: 'This session has ended.' };
    const id = row.providerId ?? options.refs.default.id;
    if (id === builtIn.subscription.id) return { refused: 'This session uses a Claude log-in: /login.' };
    if (id === builtIn.gateway.id) return own ?? { refused: 'The gateway has no Anthropic key.' };
    const provider = await db.provider.findUnique({ where: { id }, include: { owner: true } });
    if (!provider) return { refused: 'The provider of this session was removed. Choose another one.' };
    if (provider.owner.status !== 'active' || !(provider.shared || (await mayUse(provider, place.sandboxId))))
      return { refused: 'The provider of this session may not be used here any more. Choose another one.' };
    note(provider.id);
    return ofRow(provider);
  }

  /** Its owner works in this sandbox still. */
  async function mayUse(provider: Provider, sandboxId: string): Promise<boolean> {
    const userId = provider.ownerId;
    const sandbox = await db.sandbox.findUnique({
      where: { id: sandboxId },
      select: { ownerId: true, workspace: { select: { members: { where: { userId } } } } },
    });
    const role = sandbox?.workspace.members[0]?.role ?? null;
    const rights = sandbox && rightsOf({ userId, role: 'user' }, { ownerId: sandbox.ownerId, role });
    return rights?.use === true;
  }

  function note(id: string): void {
    const now = Date.now();
    if (now - (used.get(id) ?? 0) < USED_EVERY_MS) return;
    used.set(id, now);
    // Told by a list that is fetched anyway; a request does not wait for it.
    void db.provider
      .updateMany({ where: { id }, data: { lastUsedAt: new Date(now) } })
      .catch(() => used.delete(id));
  }

  function ofRow(row: Provider): Upstream {
    const secret = options.secrets.open(row.secret);
    const map = Object.entries<string>(JSON.parse(row.modelMap));
    return {
      provider: row.id,
      base: row.baseUrl === null ? anthropic : new URL(row.baseUrl),
      credential: credentialOf(row, secret),
      models: map.length === 0 ? null : new Map(map),
      reach: row.baseUrl === null ? null : options.reach,
      personal: !row.shared,
    };
  }

  return {
    ofRow,
    forget() {
      generation += 1;
      kept.clear();
    },
    async of(place) {
      const key = `${place.sandboxId}/${place.sessionId}`;
      const known = kept.get(key);
      if (known && known.until > Date.now()) return known.found;
      const began = generation;
      const found = await look(place);
      if (began !== generation) return found;
      if (kept.size >= KEPT_MAX) kept.clear();
      kept.set(key, { until: Date.now() + KEPT_MS, found });
      return found;
    },
  };
}

function credentialOf(row: Provider, secret: string): Credential {
  if (row.kind === 'oauth_token')
    return { name: 'authorization', value: `Bearer ${secret}`, beta: OAUTH_BETA };
  if (row.kind === 'compatible' && row.auth !== 'x-api-key')
    return { name: 'authorization', value: `Bearer ${secret}` };
  return { name: 'x-api-key', value: secret };
}
