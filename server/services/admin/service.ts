/** What administrators see of the whole installation: its health and who did what. */
import { AppError } from '../../../shared/errors';
import type { HealthView } from '../../../shared/views';
import type { AgentClient, Db, Identity, Services } from '../../contracts';

type Check = HealthView['checks'][number];

export interface HealthSources {
  db: Db;
  agent: AgentClient;
  instance: string;
  version: string;
  startedAt: number;
  /** The image of new sandboxes; null where none is configured. */
  image: string | null;
  /** What the reconciler found; a check of a name that is there already replaces it when it fails. */
  reconcilerChecks(): Check[];
}

/** The agent answers in well under a second; a probe must not hang on one that does not. */
const PROBE_TIMEOUT_MS = 3000;

async function databaseCheck(db: Db): Promise<Check> {
  try {
    await db.setting.count();
    return { name: 'database', ok: true, detail: 'answers', mend: null };
  } catch {
    return {
      name: 'database',
      ok: false,
      detail: 'The database does not answer.',
      mend: 'Look at the disk of the data folder and at the gateway’s log.',
    };
  }
}

async function agentChecks(agent: AgentClient, image: string | null): Promise<Check[]> {
  try {
    const health = await agent.call('health', image === null ? {} : { image }, {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    const since = `${health.startedAt.slice(0, 16).replace('T', ' ')} UTC`;
    return [{ name: 'agent', ok: true, detail: `answers since ${since}`, mend: null }, ...health.checks];
  } catch {
    return [
      {
        name: 'agent',
        ok: false,
        detail: 'The host agent does not answer. Running sandboxes go on; nothing can be started or stopped.',
        mend: 'npm start brings the agent back by itself; if it does not, its log stands in the terminal of npm start.',
      },
    ];
  }
}

/** `failed` = the gateway cannot serve; `warning` = it serves, but something needs a look. */
export async function readHealth(sources: HealthSources): Promise<HealthView> {
  const [database, agent] = await Promise.all([
    databaseCheck(sources.db),
    agentChecks(sources.agent, sources.image),
  ]);
  const checks = [database, ...agent];
  for (const check of sources.reconcilerChecks()) {
    const at = checks.findIndex((it) => it.name === check.name);
    if (at < 0) checks.push(check);
    else if (!check.ok) checks[at] = check;
  }
  return {
    status: !database.ok ? 'failed' : checks.every((it) => it.ok) ? 'ok' : 'warning',
    version: sources.version,
    instance: sources.instance,
    uptimeSeconds: Math.round((Date.now() - sources.startedAt) / 1000),
    checks,
  };
}

function requireAdmin(identity: Identity): void {
  if (identity.role !== 'admin') throw new AppError('forbidden', 'Only administrators may see this.');
}

/** Events of one transaction often share a time: then the id decides, as in the order of the list. */
function olderThan(at: Date, id: string | undefined) {
  return id === undefined ? { at: { lt: at } } : { OR: [{ at: { lt: at } }, { at, id: { lt: id } }] };
}

export function createAdmin(sources: HealthSources): Services['admin'] {
  return {
    async health(identity) {
      requireAdmin(identity);
      return await readHealth(sources);
    },

    async audit(identity, { type, before, beforeId, limit }) {
      requireAdmin(identity);
      const rows = await sources.db.auditEvent.findMany({
        where: {
          ...(type === undefined ? {} : { type: { startsWith: type } }),
          ...(before === undefined ? {} : olderThan(new Date(before), beforeId)),
        },
        orderBy: [{ at: 'desc' }, { id: 'desc' }],
        take: limit,
      });
      return rows.map((row) => ({
        id: row.id,
        at: row.at.toISOString(),
        type: row.type,
        actor: row.actor,
        address: row.address,
        target: row.target,
        message: row.message,
      }));
    },
  };
}
