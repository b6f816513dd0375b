'use client';

import { bundleRules } from '../../../shared/domain-bundles';
import {
  type DomainBundle,
  type DomainPolicy,
  domainBundles,
  domainRuleSchema,
  LAN_RANGES,
} from '../../../shared/network-policy';
import type { WrittenPolicy } from '../../../shared/policy-presets';
import { Panel } from '../../ui/panel';
import { Switch } from '../../ui/switch';
import { Choice } from '../targets';
import { EntryList } from './entry-list';
import { GrantList } from './grant-list';
import { OwnPresets } from './own-presets';

const modes: readonly { value: DomainPolicy['mode']; title: string; hint: string }[] = [
  { value: 'open', title: 'Open', hint: 'All names may be reached.' },
  {
    value: 'allow-list',
    title: 'Only listed names',
    hint: 'Everything else is refused, bare addresses too.',
  },
  { value: 'deny-list', title: 'All but listed names', hint: 'What is listed is refused.' },
];
const nameTypes = [
  { type: 'suffix', title: 'Name and below' },
  { type: 'domain', title: 'Exactly' },
  { type: 'keyword', title: 'Names with' },
] as const;
const bundleNames: Record<DomainBundle, string> = {
  npm: 'npm',
  pypi: 'PyPI',
  apt: 'apt (Debian, Ubuntu)',
  go: 'Go',
  crates: 'Rust crates',
  github: 'GitHub',
  anthropic: 'Claude and Anthropic',
};

/** Names, then exceptions for refused addresses. */
export function PolicyFields({
  policy,
  onChange,
}: {
  policy: WrittenPolicy;
  onChange(policy: WrittenPolicy): void;
}) {
  const { domains } = policy;
  const names = (part: Partial<DomainPolicy>) => onChange({ ...policy, domains: { ...domains, ...part } });
  const listed = domains.mode !== 'open' || domains.rules.length > 0 || domains.bundles.length > 0;
  return (
    <>
      <Panel id="names" title="Names" description="Which domains may be asked for and talked to.">
        <div className="grid gap-5">
          <Choice
            legend="Mode"
            name="mode"
            options={modes}
            value={domains.mode}
            onChange={(mode) => names({ mode })}
          />
          {domains.mode !== 'open' && (
            <Switch
              label="Learn first"
              hint="Refuse nothing yet; write down what would have been refused, so that you see what is needed."
              checked={domains.learn}
              onChange={(learn) => names({ learn })}
            />
          )}
          {listed && (
            <>
              <Bundles chosen={domains.bundles} onChange={(bundles) => names({ bundles })} />
              <EntryList
                legend={domains.mode === 'deny-list' ? 'Refused names' : 'Allowed names'}
                hint="Such as example.org. Several with spaces between."
                types={nameTypes}
                guess={(_value, chosen) => chosen}
                schema={domainRuleSchema}
                entries={domains.rules}
                empty="No names yet."
                onChange={(rules) => names({ rules })}
              />
              {domains.mode === 'open' && (
                <p className="text-ink-faint text-xs">
                  While all names may be reached, these only add to an allow-list of wider rules.
                </p>
              )}
            </>
          )}
        </div>
      </Panel>
      <Panel
        id="grants"
        title="Exceptions"
        description="Private, link-local and neighbour addresses are refused. What is granted here leaves by this host's own uplink, past the way out."
      >
        <div className="grid gap-5">
          <Switch
            label="Local network"
            hint={`All of ${LAN_RANGES.join(', ')}, but for other sandboxes and Docker's own networks.`}
            checked={policy.presets.includes('lan')}
            onChange={(on) =>
              onChange({
                ...policy,
                presets: on ? [...policy.presets, 'lan'] : policy.presets.filter((it) => it !== 'lan'),
              })
            }
          />
          <OwnPresets taken={policy.own} onChange={(own) => onChange({ ...policy, own })} />
          <GrantList
            entries={policy.grants}
            empty="Nothing is granted: the host, its network and its neighbours cannot be reached."
            onChange={(grants) => onChange({ ...policy, grants })}
          />
        </div>
      </Panel>
    </>
  );
}

function Bundles({
  chosen,
  onChange,
}: {
  chosen: readonly DomainBundle[];
  onChange(bundles: DomainBundle[]): void;
}) {
  return (
    <fieldset className="min-w-0">
      <legend className="mb-2 font-medium text-sm">Bundles</legend>
      <div className="grid gap-x-6 sm:grid-cols-2">
        {domainBundles.map((it) => (
          <div key={it} className="flex items-start gap-2.5 border-b py-1.5">
            <input
              id={`bundle-${it}`}
              type="checkbox"
              className="mt-0.5 size-4 shrink-0 accent-accent"
              checked={chosen.includes(it)}
              onChange={(event) =>
                onChange(event.target.checked ? [...chosen, it] : chosen.filter((one) => one !== it))
              }
            />
            <div className="min-w-0 flex-1">
              <label htmlFor={`bundle-${it}`} className="text-sm">
                {bundleNames[it]}
              </label>
              <details className="text-xs">
                <summary className="text-ink-faint hover:text-ink">
                  {bundleRules(it).length} names<span className="sr-only"> of {bundleNames[it]}</span>
                </summary>
                <ul className="grid gap-0.5 py-1 text-ink-soft">
                  {bundleRules(it).map((rule) => (
                    <li key={`${rule.type} ${rule.value}`} className="break-all">
                      {rule.type === 'suffix' ? `${rule.value} and below` : rule.value}
                    </li>
                  ))}
                </ul>
              </details>
            </div>
          </div>
        ))}
      </div>
    </fieldset>
  );
}
