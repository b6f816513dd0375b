/** Which provider each session has, for views and for the proxy: a row, or one of the two built-in ones. */
import type { ProviderRef } from '../../../shared/providers';
import { providerKindSchema } from '../../../shared/providers';
import type { Db } from '../../contracts';

export const builtIn = {
  gateway: { id: 'gateway', kind: 'gateway', label: "The gateway's key" },
  subscription: { id: 'subscription', kind: 'subscription', label: 'Claude log-in of the sandbox' },
} as const satisfies Record<string, ProviderRef>;

interface Chooser {
  kind: string;
  providerId: string | null;
}

export interface ProviderRefs {
  /** What a session gets that names none. */
  readonly default: ProviderRef;
  /** Null: a shell, or a provider that is no more. */
  of<R extends Chooser>(sessions: readonly R[]): Promise<(session: R) => ProviderRef | null>;
}

/** `gatewayKey`: the gateway's environment holds one. */
export function createProviderRefs(options: { db: Db; gatewayKey: boolean }): ProviderRefs {
  const { db, gatewayKey } = options;
  const preset: ProviderRef = gatewayKey ? builtIn.gateway : builtIn.subscription;
  const named = new Map<string, ProviderRef>(Object.values(builtIn).map((it) => [it.id, it]));
  return {
    default: preset,
    async of(sessions) {
      const ids = new Set(
        sessions.flatMap((it) => (it.providerId === null || named.has(it.providerId) ? [] : it.providerId)),
      );
      const rows =
        ids.size === 0
          ? []
          : await db.provider.findMany({
              where: { id: { in: [...ids] } },
              select: { id: true, kind: true, label: true },
            });
      const found = new Map(rows.map((it) => [it.id, { ...it, kind: providerKindSchema.parse(it.kind) }]));
      return (session) => {
        if (session.kind !== 'claude') return null;
        if (session.providerId === null) return preset;
        return named.get(session.providerId) ?? found.get(session.providerId) ?? null;
      };
    },
  };
}
