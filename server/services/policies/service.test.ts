import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { savePolicySchema } from '../../../shared/egress-views';
import { type NetworkPolicy, openPolicy } from '../../../shared/network-policy';
import type { Identity } from '../../contracts';
import { until } from '../../tasks/testing/bench';
import { type EgressTest, openEgressTest } from '../egress/testing';

let t: EgressTest;
let ann: Identity;
beforeEach(async () => {
  t = await openEgressTest();
  ann = await t.person('ann');
});
afterEach(() => t.close());

const everyone = { target: 'everyone', targetId: '' } as const;
const names = (mode: string, ...rules: string[]) => ({
  ...openPolicy,
  domains: { mode, rules: rules.map((value) => ({ type: 'domain', value })), bundles: [], learn: false },
});
const change = (policy: object, over: object = {}) =>
  savePolicySchema.parse({ ...everyone, baseVersion: 0, policy, ...over });
const hasRules = (id: string, want: string) =>
  until(`${id} may reach ${want}`, () => {
    const rules = t.asked(id)?.policy.domains.rules.map((it) => it.value);
    return rules?.join(' ') === want;
  });
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'ok',
    (thrown) => thrown.code,
  );

test('a policy is previewed, applied by tasks, versioned and rolled back', async () => {
  const box = await t.running(ann);
  const grants: NetworkPolicy['grants'] = [{ type: 'ip', value: '10.1.2.3' }];
  const wanted = change({ ...names('allow-list', 'a.test'), grants }, { note: 'first' });
  const preview = await t.policies.preview(t.root, wanted);
  expect(preview).toMatchObject({ problems: [], affects: [box.name] });
  expect(preview.added.join()).toContain('10.1.2.3');
  expect((await t.policies.get(t.root, everyone)).version).toBe(0);

  const { policy, tasks } = await t.policies.apply(t.root, wanted);
  expect(policy).toMatchObject({ version: 1, updatedBy: 'root', targetName: 'Everyone' });
  expect(tasks.map((it) => it.sandboxId)).toEqual([box.id]);
  await hasRules(box.id, 'a.test');
  expect(t.asked(box.id)?.policy).toMatchObject({ grants, domains: { mode: 'allow-list' } });
  expect(await code(t.policies.apply(t.root, change(openPolicy)))).toBe('conflict');

  await t.rests(box.id, 'running');
  await t.policies.apply(t.root, change(names('deny-list', 'b.test'), { baseVersion: 1 }));
  await hasRules(box.id, 'b.test');
  await t.rests(box.id, 'running');
  const back = await t.policies.rollBack(t.root, { ...everyone, version: 1 });
  expect(back.policy).toMatchObject({ version: 3, policy: { grants } });
  await hasRules(box.id, 'a.test');
  const versions = await t.policies.versions(t.root, everyone);
  expect(versions.map((it) => [it.version, it.note])).toEqual([
    [3, 'Back to version 1'],
    [2, ''],
    [1, 'first'],
  ]);
  expect((await t.networks.ofSandbox(ann, box.id)).policyVersion).toBe(3);
  expect(await t.auditTypes()).toEqual(expect.arrayContaining(['policy.applied', 'policy.rolled_back']));
});

test('guards refuse what is too broad or leads past a way out; nothing is saved', async () => {
  const a = await t.make('A', { config: { kind: 'socks5', server: '198.51.100.20', port: 1080 } });
  expect(a.endpoint).toBe('198.51.100.20:1080');
  for (const value of ['0.0.0.0/0', '198.51.100.0/24']) {
    const bad = change({ ...openPolicy, grants: [{ type: 'cidr', value }] });
    expect((await t.policies.preview(t.root, bad)).problems).not.toEqual([]);
    expect(await code(t.policies.apply(t.root, bad))).toBe('invalid_input');
  }
  expect(await t.db.networkPolicy.count()).toBe(0);
});

test('only those whose effective policy changes are touched', async () => {
  const [one, two] = [await t.running(ann), await t.running(ann)];
  const own = change(names('deny-list', 'x.test'), { target: 'sandbox', targetId: one.id });
  expect((await t.policies.apply(t.root, own)).tasks.map((it) => it.sandboxId)).toEqual([one.id]);
  await t.rests(one.id, 'running');
  // A nearer deny-list decides for the first one.
  const { tasks } = await t.policies.apply(t.root, change(names('allow-list', 'a.test')));
  expect(tasks.map((it) => it.sandboxId)).toEqual([two.id]);
  expect((await t.policies.list(t.root)).map((it) => [it.target, it.targetName])).toEqual([
    ['sandbox', one.name],
    ['everyone', 'Everyone'],
  ]);
  const nowhere = change(openPolicy, { target: 'workspace', targetId: 'x' });
  expect(await code(t.policies.preview(t.root, nowhere))).toBe('not_found');
});

describe('one tap allows a denied name', () => {
  test('in an allow-list that is inherited, for who may manage the sandbox', async () => {
    const box = await t.running(ann);
    await t.policies.apply(t.root, change(names('allow-list', 'a.test')));
    await hasRules(box.id, 'a.test');
    await t.rests(box.id, 'running');
    const bob = await t.person('bob');
    const tap = (who: Identity, host: string) => t.policies.allow(who, { sandboxId: box.id, host });
    expect(await code(tap(bob, 'b.test'))).toBe('not_found');
    expect((await tap(ann, 'B.Test.')).map((it) => it.sandboxId)).toEqual([box.id]);
    await hasRules(box.id, 'b.test a.test');
    expect(await tap(ann, 'b.test')).toEqual([]);
    expect(await code(tap(ann, '10.0.0.1'))).toBe('invalid_input');
    expect(await t.auditTypes()).toContain('policy.allowed');
  });

  test('in a deny-list of its own; a wider or farther rule stays', async () => {
    const box = await t.running(ann);
    await t.policies.apply(t.root, change(names('deny-list', 'far.test')));
    const own = names('deny-list', 'near.test');
    await t.policies.apply(t.root, change(own, { target: 'sandbox', targetId: box.id }));
    const tap = (host: string) => t.policies.allow(ann, { sandboxId: box.id, host });
    await tap('near.test');
    await hasRules(box.id, 'far.test');
    expect(await code(tap('far.test'))).toBe('wrong_state');
  });
});

test('users change nothing themselves', async () => {
  expect(await code(t.policies.apply(ann, change(openPolicy)))).toBe('forbidden');
  expect(await code(t.policies.rollBack(ann, { ...everyone, version: 1 }))).toBe('forbidden');
  expect(await code(t.policies.list(ann))).toBe('forbidden');
});
