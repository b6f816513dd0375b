/** What a session that a program opens takes when the program does not say. */
import { z } from 'zod';
import { AppError } from '../../../shared/errors';
import { effortSchema, modelSchema } from '../../../shared/sandboxd-api';
import type { Db, Identity } from '../../contracts';

export const prefsSchema = z
  .object({
    default_auth_mode: z.enum(['subscription', 'api_key']),
    default_provider_id: z.string().min(1).max(64),
    default_model: modelSchema,
    default_effort: effortSchema,
  })
  .partial();
export type Prefs = z.output<typeof prefsSchema>;
const storedPrefsSchema = prefsSchema.extend({ updated_at: z.iso.datetime().optional() });
/** A field of a change: its value, or `-` for none. */
const CLEARED = '-';
export const prefsChangeSchema = z
  .object({
    default_auth_mode: prefsSchema.shape.default_auth_mode.or(z.literal(CLEARED)),
    default_provider_id: prefsSchema.shape.default_provider_id.or(z.literal(CLEARED)),
    default_model: prefsSchema.shape.default_model.or(z.literal(CLEARED)),
    default_effort: prefsSchema.shape.default_effort.or(z.literal(CLEARED)),
  })
  .partial();

export interface PrefsService {
  get(identity: Identity): Promise<Prefs & { updated_at: string }>;
  /** What is absent stays. */
  change(
    identity: Identity,
    change: z.output<typeof prefsChangeSchema>,
  ): Promise<Prefs & { updated_at: string }>;
}

export function createPrefs({
  db,
  requireProvider,
}: {
  db: Db;
  /** Throws `not_found` for a provider that this identity may not choose. */
  requireProvider(identity: Identity, id: string): Promise<void>;
}): PrefsService {
  async function stored(identity: Identity) {
    const user = await db.user.findUnique({ where: { id: identity.userId } });
    if (!user) throw new AppError('unauthenticated');
    const parsed = storedPrefsSchema.safeParse(JSON.parse(user.sessionDefaults));
    return { updated_at: user.createdAt.toISOString(), ...(parsed.success ? parsed.data : {}) };
  }

  return {
    get: stored,
    async change(identity, change) {
      const { default_provider_id: provider } = change;
      if (provider !== undefined && provider !== CLEARED) await requireProvider(identity, provider);
      const { updated_at: _, ...now } = await stored(identity);
      const next = Object.fromEntries(
        Object.entries({ ...now, ...change }).filter(([, value]) => value !== CLEARED && value !== undefined),
      );
      const sessionDefaults = JSON.stringify({ ...next, updated_at: new Date().toISOString() });
      await db.user.update({ where: { id: identity.userId }, data: { sessionDefaults } });
      return stored(identity);
    },
  };
}
