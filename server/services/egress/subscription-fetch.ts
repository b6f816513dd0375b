/** Fetches a subscription through a way out and says what it would change. Nothing is changed here. */
import { z } from 'zod';
import type { EgressSubscription } from '../../../prisma/generated/client';
import { egressSchema } from '../../../shared/egress';
import type { SubscriptionView } from '../../../shared/egress-views';
import { AppError, toAppError } from '../../../shared/errors';
import type { DbOrTx } from '../../contracts';
import { dnsOf } from '../../egress/dns-of';
import { readEgresses } from '../../egress/import/read-apart';
import { planSubscription } from '../../egress/subscription-diff';
import type { EgressParts } from './parts';

/** Column EgressSubscription.pending, sealed. */
const fetchedSchema = z.object({
  entries: z.array(z.object({ label: z.string(), config: egressSchema })),
  /** Labels of those that could not be taken. */
  unreadable: z.array(z.string()),
});
export type Fetched = z.infer<typeof fetchedSchema>;

/** A problem that is told in full once is enough; the rest is counted. */
const PROBLEMS_SHOWN = 3;

/** Throws AppError without the address, which is a credential. `problem`: what could not be taken, the rest can. */
export async function fetchSubscription(
  parts: EgressParts,
  row: EgressSubscription,
  signal?: AbortSignal,
): Promise<{ fetched: Fetched; problem: string | null }> {
  const url = parts.secrets.openText('subscription.url', row.url);
  const body = await ask(parts, { row, url, signal });
  const { entries, problem } = await readEgresses(body, { signal });
  if (problem !== null) throw new AppError('invalid_input', problem);
  const fetched: Fetched = { entries: [], unreadable: [] };
  const problems: string[] = [];
  for (const { label, config, line, problem: why } of entries) {
    if (config) fetched.entries.push({ label, config });
    else {
      fetched.unreadable.push(label);
      problems.push(`line ${line}: ${why ?? 'not readable'}`);
    }
  }
  if (fetched.entries.length === 0)
    throw new AppError(
      'invalid_input',
      ['There is no way out in the answer.', ...problems.slice(0, 1)].join(' '),
    );
  const more = problems.length - PROBLEMS_SHOWN;
  const shown = [...problems.slice(0, PROBLEMS_SHOWN), ...(more > 0 ? [`and ${more} more`] : [])];
  return { fetched, problem: problems.length === 0 ? null : `Left out: ${shown.join('; ')}.` };
}

async function ask(
  parts: EgressParts,
  { row, url, signal }: { row: EgressSubscription; url: string; signal: AbortSignal | undefined },
): Promise<string> {
  const via =
    row.viaEgressId === null ? null : await parts.db.egress.findUnique({ where: { id: row.viaEgressId } });
  if (via && !via.enabled)
    throw new AppError('egress_failed', `${via.label}, which it is fetched through, is switched off.`);
  try {
    const answer = await parts.agent.call(
      'egress.fetch',
      {
        egress: via ? parts.secrets.open(via.config) : { kind: 'direct' },
        dns: via ? dnsOf(via, parts.defaultDns) : null,
        url,
        userAgent: null,
      },
      signal ? { signal } : {},
    );
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw new AppError('egress_failed', `${row.origin} answered with status ${answer.status}.`);
  } catch (thrown) {
    const error = toAppError(thrown);
    throw new AppError(error.code, withoutUrl(error.message, url, row.origin));
  }
}

/** Also where only its path or query stands in the text. */
export function withoutUrl(message: string, url: string, origin: string): string {
  const { pathname, search } = new URL(url);
  const parts = [url, `${pathname}${search}`, pathname, search].filter((it) => it.length > 1);
  return parts.reduce((text, part) => text.replaceAll(part, part === url ? origin : '…'), message);
}

export function sealFetched(parts: EgressParts, fetched: Fetched): string {
  return parts.secrets.sealText('subscription.pending', JSON.stringify(fetched));
}

/** What is waiting, held against the rows as they are now; null when nothing waits. */
export async function planOf(parts: EgressParts, db: DbOrTx, row: EgressSubscription) {
  if (row.pending === null) return null;
  const text = parts.secrets.openText('subscription.pending', row.pending);
  const fetched = fetchedSchema.parse(JSON.parse(text));
  const rows = await db.egress.findMany({ where: { subscriptionId: row.id } });
  return planSubscription(
    fetched.entries.map((it) => ({
      ...it,
      key: it.label,
      fingerprint: parts.secrets.fingerprint(it.config),
    })),
    rows.map((it) => ({ ...it, key: it.subscriptionKey ?? it.label })),
    new Set(fetched.unreadable),
  );
}
export type Plan = NonNullable<Awaited<ReturnType<typeof planOf>>>;

/** Of a row that is flagged already nothing waits to be done, unless it came back. */
export function hasWork(plan: Plan): boolean {
  return (
    plan.added.length + plan.changed.length > 0 ||
    plan.removed.some((it) => it.vanishedAt === null) ||
    plan.kept.some((it) => it.vanishedAt !== null)
  );
}

export async function subscriptionView(
  parts: EgressParts,
  row: EgressSubscription,
): Promise<SubscriptionView> {
  const plan = await planOf(parts, parts.db, row);
  return {
    id: row.id,
    label: row.label,
    origin: row.origin,
    viaEgressId: row.viaEgressId,
    everyMinutes: row.everyMinutes,
    autoApply: row.autoApply,
    fetchedAt: row.fetchedAt?.toISOString() ?? null,
    problem: row.problem,
    pending: plan && {
      added: plan.added.map((it) => it.key),
      changed: plan.changed.map((it) => it.entry.key),
      removed: plan.removed.map((it) => it.key),
      kept: plan.kept.length,
    },
  };
}
