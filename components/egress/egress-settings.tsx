'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import { type EgressDns, MASK } from '../../shared/egress';
import type { EgressView } from '../../shared/egress-views';
import { type ProofMode, proofModeSchema } from '../../shared/proof';
import { failureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { DialogActions } from '../ui/dialog';
import { Field, Input, Select } from '../ui/field';
import { Panel } from '../ui/panel';
import { isSecret } from './field-spec';
import { configOf, valuesOf } from './kind-config';
import { kindFields } from './kind-fields';
import { KindForm } from './kind-form';
import { proofModeWords } from './words';

type Transport = '' | EgressDns['transport'];
const transports: Record<EgressDns['transport'], string> = {
  udp: 'plain UDP',
  tcp: 'plain TCP',
  tls: 'DNS over TLS',
  https: 'DNS over HTTPS',
};

/** Its settings, secrets masked: an empty box keeps what is stored. */
export function EgressSettings({ egress }: { egress: EgressView }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const before = valuesOf(egress.kind, egress.settings);
  const [values, setValues] = useState(before);
  const [label, setLabel] = useState(egress.label);
  const [expected, setExpected] = useState(egress.expectedAddress ?? '');
  const [proof, setProof] = useState<ProofMode>(egress.proof);
  const [dnsBy, setDnsBy] = useState<Transport>(egress.dns?.transport ?? '');
  const [dnsServer, setDnsServer] = useState(egress.dns?.server ?? '');
  const [dnsName, setDnsName] = useState(egress.dns?.name ?? '');
  const stored = new Set(
    kindFields[egress.kind].map((it) => it.path).filter((it) => isSecret(it) && egress.settings[it] === MASK),
  );
  const save = useMutation(
    trpc.egress.update.mutationOptions({
      meta: { quiet: true },
      onSuccess: (saved) => {
        toast.success(`${saved.label} is saved.`);
        void queries.invalidateQueries({ queryKey: trpc.egress.pathKey() });
      },
    }),
  );
  const failure = save.error ? failureOf(save.error) : null;
  const field = failure?.field?.replace(/^config\./, '') ?? null;
  const said = failure?.title.replace(/^config\.[\w.]*: /, '') ?? '';
  const inForm = field !== null && field in values;
  const changedConfig = JSON.stringify(values) !== JSON.stringify(before);
  const dns: EgressDns | null =
    dnsBy === '' ? null : { transport: dnsBy, server: dnsServer.trim(), name: dnsName.trim() || null };
  const change = {
    ...(label.trim() !== egress.label ? { label: label.trim() } : {}),
    ...(expected.trim() !== (egress.expectedAddress ?? '')
      ? { expectedAddress: expected.trim() || null }
      : {}),
    ...(proof !== egress.proof ? { proof } : {}),
    ...(JSON.stringify(dns) !== JSON.stringify(egress.dns) ? { dns } : {}),
    ...(changedConfig ? { config: configOf(egress.kind, values, egress.settings) } : {}),
  };
  const changed = Object.keys(change).length > 0;
  const felt = Object.keys(change).some((it) => it !== 'label');

  return (
    <Panel
      id="settings"
      title="Settings"
      description="Secrets are never shown; an empty box keeps the stored one."
    >
      <form
        className="grid gap-5"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (changed) save.mutate({ id: egress.id, ...change });
        }}
      >
        <Field label="Name" error={field === 'label' ? said : null}>
          {(control) => (
            <Input
              {...control}
              maxLength={64}
              value={label}
              onChange={(event) => setLabel(event.target.value)}
            />
          )}
        </Field>
        <KindForm
          kind={egress.kind}
          values={values}
          errors={inForm ? { [field]: said } : {}}
          stored={stored}
          onChange={setValues}
        />
        <div className="grid gap-4 border-t pt-5 sm:grid-cols-2">
          <Field
            label="Expected exit address"
            hint="Another one is a failed proof. Empty: any, as long as the echo services agree."
            error={field === 'expectedAddress' ? 'An IPv4 address, such as 198.51.100.7.' : null}
          >
            {(control) => (
              <Input
                {...control}
                inputMode="decimal"
                value={expected}
                placeholder={egress.health.exitAddress ?? ''}
                onChange={(event) => setExpected(event.target.value)}
              />
            )}
          </Field>
          <Field label="Proof" hint={proofModeWords[proof].means}>
            {(control) => (
              <Select
                {...control}
                value={proof}
                onChange={(event) => setProof(proofModeSchema.parse(event.target.value))}
              >
                {proofModeSchema.options.map((it) => (
                  <option key={it} value={it}>
                    {proofModeWords[it].title}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {egress.kind !== 'direct' && (
            <>
              <Field label="DNS" hint="Who answers names, asked through this way out.">
                {(control) => (
                  <Select
                    {...control}
                    value={dnsBy}
                    onChange={(event) => setDnsBy(event.target.value as Transport)} // the options are the transports
                  >
                    <option value="">the usual server</option>
                    {Object.entries(transports).map(([value, title]) => (
                      <option key={value} value={value}>
                        {title}
                      </option>
                    ))}
                  </Select>
                )}
              </Field>
              {dnsBy !== '' && (
                <Field
                  label="DNS server"
                  error={field?.startsWith('dns') ? 'An IPv4 address, such as 9.9.9.9.' : null}
                >
                  {(control) => (
                    <Input
                      {...control}
                      inputMode="decimal"
                      value={dnsServer}
                      onChange={(event) => setDnsServer(event.target.value)}
                    />
                  )}
                </Field>
              )}
              {(dnsBy === 'tls' || dnsBy === 'https') && (
                <Field label="Name in its certificate" hint="Empty: the address.">
                  {(control) => (
                    <Input
                      {...control}
                      value={dnsName}
                      onChange={(event) => setDnsName(event.target.value)}
                    />
                  )}
                </Field>
              )}
            </>
          )}
        </div>
        {failure && !inForm && field !== 'label' && (
          <Note tone="bad">
            <strong>{said || failure.title}</strong> {failure.next}
          </Note>
        )}
        {felt && egress.sandboxes > 0 && (
          <Note tone="warn" icon={TriangleAlert}>
            {egress.sandboxes === 1 ? 'One sandbox goes' : `${egress.sandboxes} sandboxes go`} out by it:
            saving cuts their open connections and proves the way again before it opens.
          </Note>
        )}
        <DialogActions>
          <Button
            disabled={!changed}
            onClick={() => {
              setValues(before);
              setLabel(egress.label);
              setExpected(egress.expectedAddress ?? '');
              setProof(egress.proof);
              setDnsBy(egress.dns?.transport ?? '');
              setDnsServer(egress.dns?.server ?? '');
              setDnsName(egress.dns?.name ?? '');
              save.reset();
            }}
          >
            Undo
          </Button>
          <Button type="submit" look="primary" disabled={!changed} busy={save.isPending}>
            Save
          </Button>
        </DialogActions>
      </form>
    </Panel>
  );
}
