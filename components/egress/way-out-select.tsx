'use client';

import { useQuery } from '@tanstack/react-query';
import { useTRPC } from '../api/trpc';
import { Field, Select } from '../ui/field';
import { verdictWords } from './words';

/** An egress, a pool, or neither. */
export interface WayOut {
  egressId: string | null;
  poolId: string | null;
}
export const noWayOut: WayOut = { egressId: null, poolId: null };

const toValue = ({ egressId, poolId }: WayOut) =>
  egressId !== null ? `egress:${egressId}` : poolId !== null ? `pool:${poolId}` : '';
function fromValue(value: string): WayOut {
  const [what, id = ''] = value.split(':');
  return { egressId: what === 'egress' ? id : null, poolId: what === 'pool' ? id : null };
}

export function WayOutSelect({
  value,
  onChange,
  nothing,
  hint,
}: {
  value: WayOut;
  onChange(value: WayOut): void;
  /** What choosing neither means. */
  nothing: string;
  hint?: string;
}) {
  const trpc = useTRPC();
  const egresses = useQuery(trpc.egress.list.queryOptions());
  const pools = useQuery(trpc.egress.pools.queryOptions());
  return (
    <Field
      label="Way out"
      hint={hint}
      error={egresses.isError || pools.isError ? 'The list did not load. Close this and try again.' : null}
    >
      {(control) => (
        <Select
          {...control}
          value={toValue(value)}
          onChange={(event) => onChange(fromValue(event.target.value))}
        >
          <option value="">{egresses.isPending || pools.isPending ? 'Loading…' : nothing}</option>
          {(egresses.data ?? []).length > 0 && (
            <optgroup label="Ways out">
              {egresses.data?.map((it) => (
                <option key={it.id} value={`egress:${it.id}`} disabled={!it.enabled}>
                  {it.label}
                  {it.enabled
                    ? `, ${it.health.verdict === null ? 'not tested' : verdictWords[it.health.verdict].word.toLowerCase()}${it.health.exitAddress ? `, ${it.health.exitAddress}` : ''}`
                    : ', switched off'}
                </option>
              ))}
            </optgroup>
          )}
          {(pools.data ?? []).length > 0 && (
            <optgroup label="Pools">
              {pools.data?.map((it) => (
                <option key={it.id} value={`pool:${it.id}`}>
                  {it.label}, {it.members.length} members
                </option>
              ))}
            </optgroup>
          )}
        </Select>
      )}
    </Field>
  );
}
