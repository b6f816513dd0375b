/** The bench of tasks with the services of ways out, policies and networks, for their tests. */
import { bindSchema, createEgressSchema } from '../../../shared/egress-views';
import type { Identity } from '../../contracts';
import { createProofStore } from '../../egress/proof-store';
import { openTaskBench } from '../../tasks/testing/bench';
import { createNetwork } from '../network/service';
import { createTrafficStore } from '../network/traffic';
import { createPolicies } from '../policies/service';
import { createAccess } from '../sandboxes/access';
import { createEgressService } from './service';

export async function openEgressTest(options: Parameters<typeof openTaskBench>[0] = {}) {
  const bench = await openTaskBench(options);
  const { db, live, audit, agent, engine, log } = bench;
  const proofs = createProofStore({ db, live, audit, agent, log });
  const { access, rights } = createAccess(db);
  const egress = createEgressService({ db, live, audit, agent, engine, proofs, ...bench.network });
  const traffic = createTrafficStore({ db, agent });
  const root = await bench.person('root', 'admin');
  let port = 1000;
  return {
    ...bench,
    root,
    proofs,
    egress,
    policies: createPolicies({ db, live, audit, engine, access }),
    networks: createNetwork({ db, audit, agent, proofs, traffic, rights }),
    traffic,
    /** A SOCKS proxy of its own port, so that no two are the same. */
    make: (label: string, over: Record<string, unknown> = {}) =>
      egress.create(
        root,
        createEgressSchema.parse({
          label,
          config: { kind: 'socks5', server: 'proxy.test', port: port++, username: 'u', password: SECRET },
          ...over,
        }),
      ),
    bind: (target: string, targetId: string, to: { egressId?: string; poolId?: string }) =>
      egress.bind(root, bindSchema.parse({ target, targetId, egressId: null, poolId: null, ...to })),
    /** A sandbox of this user that runs. */
    async running(who: Identity) {
      const { id } = await bench.create(who, { openClaude: false });
      return bench.rests(id, 'running');
    },
    /** The newest network that the agent was asked for. */
    asked: (id: string) => bench.peer.asked.findLast((it) => it.id === id)?.network,
    /** Every column of every row and every audit entry as one text: no secret may be in it. */
    async everythingStored(): Promise<string> {
      const rows = [
        await db.egress.findMany(),
        await db.egressSubscription.findMany(),
        await db.auditEvent.findMany(),
        await db.liveEvent.findMany(),
        await db.task.findMany(),
        await db.setting.findMany(),
      ];
      return JSON.stringify(rows);
    },
  };
}
export type EgressTest = Awaited<ReturnType<typeof openEgressTest>>;
export const SECRET = 'correct-horse-battery';
