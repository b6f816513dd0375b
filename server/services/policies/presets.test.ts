import { afterEach, beforeEach, expect, test } from 'vitest';
import { savePolicySchema } from '../../../shared/egress-views';
import { openPolicy } from '../../../shared/network-policy';
import { savePresetSchema } from '../../../shared/policy-presets';
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
const preset = (label: string, addresses: string[], over: object = {}) =>
  savePresetSchema.parse({ label, grants: addresses.map((value) => ({ type: 'ip', value })), ...over });
const taking = (id: string, over: object = {}) =>
  savePolicySchema.parse({ ...everyone, baseVersion: 0, policy: { ...openPolicy, own: [{ id }] }, ...over });
const granted = (id: string, want: string) =>
  until(`${id} is granted ${want}`, () => {
    const addresses = t.asked(id)?.policy.grants.map((it) => it.value);
    return addresses?.join(' ') === want;
  });
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'ok',
    (thrown) => `${thrown.code}: ${thrown.message}`,
  );

test('a preset is granted by the policies that take it in, and they follow its changes', async () => {
  const box = await t.running(ann);
  const made = (await t.policies.savePreset(t.root, preset('Office', ['10.0.0.1']))).preset;
  expect(made).toMatchObject({ version: 1, label: 'Office', usedBy: [] });
  const preview = await t.policies.preview(t.root, taking(made.id));
  expect(preview).toMatchObject({ added: ['Preset Office: Address 10.0.0.1'], affects: [box.name] });
  const taken = await t.policies.apply(t.root, taking(made.id));
  // What a client says a preset grants does not count.
  expect(taken.policy.policy.own).toEqual([{ id: made.id, label: 'Office', grants: made.grants }]);
  await granted(box.id, '10.0.0.1');
  await t.rests(box.id, 'running');

  const next = preset('Office', ['10.0.0.1', '10.0.0.2'], { id: made.id, baseVersion: 1 });
  expect(await t.policies.previewPreset(t.root, next)).toMatchObject({
    added: ['Grant: Address 10.0.0.2'],
    policies: ['everyone'],
    affects: [box.name],
    problems: [],
  });
  const { preset: second, tasks } = await t.policies.savePreset(t.root, next);
  expect([second.version, second.usedBy, tasks.map((it) => it.sandboxId)]).toEqual([
    2,
    ['everyone'],
    [box.id],
  ]);
  expect(await t.policies.get(t.root, everyone)).toMatchObject({ version: 2 });
  expect(await code(t.policies.savePreset(t.root, next))).toContain('conflict');
  await granted(box.id, '10.0.0.1 10.0.0.2');
  await t.rests(box.id, 'running');

  await t.policies.rollBackPreset(t.root, { id: made.id, version: 1 });
  await granted(box.id, '10.0.0.1');
  const versions = await t.policies.versions(t.root, everyone);
  expect(versions.map((it) => [it.version, it.note])).toEqual([
    [3, 'Preset Office, version 3'],
    [2, 'Preset Office, version 2'],
    [1, ''],
  ]);
  expect((await t.policies.presetVersions(t.root, made.id)).map((it) => it.note)).toEqual([
    'Back to version 1',
    '',
    '',
  ]);
  expect(await t.auditTypes()).toEqual(
    expect.arrayContaining(['preset.created', 'preset.updated', 'preset.rolled_back', 'policy.applied']),
  );
});

test('what two policies take in goes away in both at once', async () => {
  const box = await t.running(ann);
  const { id } = (await t.policies.savePreset(t.root, preset('Office', ['10.0.0.1', '10.0.0.2']))).preset;
  await t.policies.apply(t.root, taking(id));
  await t.policies.apply(t.root, taking(id, { target: 'workspace', targetId: box.workspaceId }));
  await granted(box.id, '10.0.0.1 10.0.0.2');
  await t.rests(box.id, 'running');
  const less = preset('Office', ['10.0.0.1'], { id, baseVersion: 1 });
  const preview = await t.policies.previewPreset(t.root, less);
  expect([preview.policies.length, preview.affects]).toEqual([2, [box.name]]);
  expect((await t.policies.savePreset(t.root, less)).tasks).toHaveLength(1);
  await granted(box.id, '10.0.0.1');
});

test('guards hold for presets too, and for every policy that takes one in', async () => {
  await t.make('A', { config: { kind: 'socks5', server: '198.51.100.20', port: 1080 } });
  const wide = (value: string) =>
    savePresetSchema.parse({ label: 'Wide', grants: [{ type: 'cidr', value }] });
  for (const value of ['0.0.0.0/0', '198.51.100.0/24', '169.254.0.0/16']) {
    expect((await t.policies.previewPreset(t.root, wide(value))).problems).toHaveLength(1);
    expect(await code(t.policies.savePreset(t.root, wide(value)))).toContain('invalid_input');
  }
  const first = await t.policies.savePreset(t.root, preset('Office', ['10.0.0.1']));
  expect(await code(t.policies.savePreset(t.root, preset('Office', ['10.0.0.2'])))).toContain(
    'There is a preset Office already.',
  );
  expect(() => preset('LAN', [])).toThrow('built in');
  expect(await code(t.policies.apply(t.root, taking('nowhere')))).toContain('not_found');
  // Each alone fits; together they are more than one sandbox can have.
  const many = (from: number) => Array.from({ length: 600 }, (_, n) => `10.${from}.${n >> 8}.${n & 255}`);
  await t.running(ann);
  await t.policies.apply(t.root, taking(first.preset.id));
  const grown = { id: first.preset.id, baseVersion: 1 };
  await t.policies.savePreset(t.root, preset('Office', many(1), grown));
  const other = await t.policies.savePreset(t.root, preset('Lab', many(2)));
  const own = [{ id: first.preset.id }, { id: other.preset.id }];
  const both = taking('', { baseVersion: 2, policy: { ...openPolicy, own } });
  expect(await code(t.policies.apply(t.root, both))).toContain('more entries than one sandbox can have');
});

test('one that is taken in cannot be removed; a version that names one that is gone is not gone back to', async () => {
  const { id } = (await t.policies.savePreset(t.root, preset('Office', ['10.0.0.1']))).preset;
  await t.policies.apply(t.root, taking(id));
  expect(await code(t.policies.removePreset(t.root, id))).toContain('wrong_state: The rules of everyone');
  await t.policies.apply(t.root, taking(id, { baseVersion: 1, policy: openPolicy }));
  await t.policies.removePreset(t.root, id);
  expect(await t.policies.presets(t.root)).toEqual([]);
  expect(await code(t.policies.rollBack(t.root, { ...everyone, version: 1 }))).toContain(
    'The preset Office was removed.',
  );
  const [, first] = await t.policies.versions(t.root, everyone);
  expect(first?.policy.own).toMatchObject([{ label: 'Office', grants: [{ value: '10.0.0.1' }] }]);
});

test('one tap on a denied name leaves the presets of the policy in place', async () => {
  const box = await t.running(ann);
  const { id } = (await t.policies.savePreset(t.root, preset('Office', ['10.0.0.1']))).preset;
  const domains = {
    mode: 'deny-list',
    rules: [{ type: 'domain', value: 'x.test' }],
    bundles: [],
    learn: false,
  };
  const place = { target: 'sandbox', targetId: box.id } as const;
  const policy = { ...openPolicy, domains, own: [{ id }] };
  await t.policies.apply(t.root, taking(id, { ...place, policy }));
  await t.policies.allow(ann, { sandboxId: box.id, host: 'x.test' });
  expect((await t.policies.get(t.root, place)).policy).toMatchObject({ grants: [], own: [{ id }] });
});
