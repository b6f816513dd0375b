/** Our own matcher against the real one: what the gateway says of a name must be what sing-box does with it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleRules } from '../../../shared/domain-bundles';
import { matchesDomain } from '../../../shared/domain-names';
import { type DomainRule, domainBundles } from '../../../shared/network-policy';
import { run } from '../../apply/run';
import { nameFields, namesOf } from '../policy';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cc-match-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const label = fc.constantFrom('a', 'aa', 'b', 'ba', 'com', 'co', 'uk', 'a-b', 'x', 'evil', 'xn--bcher-kva');
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((it) => it.join('.'));
const rule: fc.Arbitrary<DomainRule> = fc.oneof(
  fc.record({ type: fc.constantFrom('domain', 'suffix'), value: name }),
  fc.record({
    type: fc.constant('keyword' as const),
    value: fc.constantFrom('a', 'aa', 'a.b', 'com', 'evil', '-b'),
  }),
);
const RULES = 12;
const LISTS = 12;
const NAMES = 8;

/**
 * The first rule of a file that the real sing-box finds for a name, -1 for none. Only the first counts: this
 * command does not reset between rules what the one before has found, which its router does.
 */
async function firstMatch(file: string, format: string, asked: string): Promise<number> {
  const { stderr, stdout } = await run(['sing-box', 'rule-set', 'match', '-f', format, file, asked]);
  const index = /match rules\.\[(\d+)\]/.exec(`${stdout}${stderr}`)?.[1];
  return index === undefined ? -1 : Number(index);
}

async function compare(rules: readonly DomainRule[], names: readonly string[]): Promise<void> {
  const source = join(folder, 'rules.json');
  const binary = join(folder, 'rules.srs');
  // Written as the agent writes rules for a sandbox.
  writeFileSync(source, JSON.stringify({ version: 3, rules: rules.map((it) => nameFields(namesOf([it]))) }));
  await run(['sing-box', 'rule-set', 'compile', '-o', binary, source]);
  for (const [at, asked] of names.entries()) {
    const expected = rules.findIndex((it) => matchesDomain(it, asked));
    const found =
      at === 0 ? await firstMatch(binary, 'binary', asked) : await firstMatch(source, 'source', asked);
    expect({ asked, rules, found }).toEqual({ asked, rules, found: expected });
  }
}

test('random rules and names', async () => {
  const lists = fc.sample(fc.array(rule, { minLength: RULES, maxLength: RULES }), LISTS);
  expect(lists).toHaveLength(LISTS);
  for (const rules of lists) {
    const near = rules.flatMap(({ value }) => [value, `x.${value}`, `x${value}`, `${value}.x`]);
    const names = [...fc.sample(name, NAMES / 2), ...fc.sample(fc.constantFrom(...near), NAMES / 2)];
    // An argument that begins with a dash would be taken for an option.
    await compare(
      rules,
      names.filter((it) => !it.startsWith('-')),
    );
  }
});

test('the names people get wrong', async () => {
  const names = ['a.com', 'aa.com', 'b.a.com', 'A.COM', 'a.com.evil', 'com', 'acom', 'a.co', 'b.aa.com'];
  for (const type of ['domain', 'suffix', 'keyword'] as const)
    await compare([{ type, value: 'a.com' }], names);
  await compare([{ type: 'suffix', value: 'com' }], names);
});

test('several rules at once match what any of them matches', async () => {
  const rules = domainBundles.flatMap((it) => [...bundleRules(it)]);
  const file = join(folder, 'all.json');
  writeFileSync(file, JSON.stringify({ version: 3, rules: [nameFields(namesOf(rules))] }));
  const names = rules.flatMap(({ value }) => [value, `x.${value}`, `x${value}`]);
  for (const asked of fc.sample(fc.constantFrom(...names), NAMES * 4)) {
    const expected = rules.some((it) => matchesDomain(it, asked)) ? 0 : -1;
    expect([asked, await firstMatch(file, 'source', asked)]).toEqual([asked, expected]);
  }
});
