import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '../../../shared/errors';
import { type AgentClient, systemActor } from '../../contracts';
import { openServiceTest, type ServiceTest } from '../testing';
import { createAdmin } from './service';

let t: ServiceTest;
beforeEach(async () => {
  t = await openServiceTest();
});
afterEach(() => t.close());

function admin(agent: AgentClient['call'] = () => Promise.reject(new AppError('agent_unreachable'))) {
  return createAdmin({
    db: t.db,
    agent: { call: agent, openSsh: () => Promise.reject(new AppError('agent_unreachable')) },
    image: 'cloud-claude/sandbox:0123456789ab',
    instance: '00000000',
    version: '0',
    startedAt: Date.now(),
    reconcilerChecks: () => [],
  });
}

test('pages of the audit log show every event once, however many share one time', async () => {
  const ann = await t.person('ann', 'admin');
  const actor = systemActor('test');
  for (let n = 0; n < 25; n++) await t.audit.record(t.db, { type: 'test.event', actor, message: `${n}` });
  const times = [new Date(1_700_000_000_000), new Date(1_700_000_000_001)];
  const rows = await t.db.auditEvent.findMany();
  for (const [n, { id }] of rows.entries())
    await t.db.auditEvent.update({ where: { id }, data: { at: times[n % 2] } });

  const seen: string[] = [];
  let last: { before: string; beforeId: string } | undefined;
  for (;;) {
    const page = await admin().audit(ann, { type: 'test.event', limit: 4, ...last });
    seen.push(...page.map((it) => it.id));
    const end = page.at(-1);
    if (!end) break;
    last = { before: end.at, beforeId: end.id };
  }
  expect([...seen].sort()).toEqual(rows.map((it) => it.id).sort());
});

test('health asks the agent for the image that is configured, and says what does not answer', async () => {
  const ann = await t.person('ann', 'admin');
  const asked: unknown[] = [];
  const health = await admin((_op, input) => {
    asked.push(input);
    return Promise.reject(new AppError('agent_unreachable'));
  }).health(ann);
  expect(asked).toEqual([{ image: 'cloud-claude/sandbox:0123456789ab' }]);
  expect(health).toMatchObject({ status: 'warning' });
  expect(health.checks.filter((it) => !it.ok).map((it) => it.name)).toEqual(['agent']);
  await expect(admin().health(await t.person('bob'))).rejects.toMatchObject({ code: 'forbidden' });
});
