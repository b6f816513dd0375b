'use client';

import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { PolicyView } from '../../../shared/egress-views';
import { LoadError } from '../../api/load-state';
import { useTRPC } from '../../api/trpc';
import { Select } from '../../ui/field';
import { Skeleton } from '../../ui/panel';
import { useTargets } from '../targets';
import { PolicyEditor } from './policy-editor';

export interface PolicyPlace {
  target: PolicyView['target'];
  targetId: string;
}
const everyone: PolicyPlace = { target: 'everyone', targetId: '' };

function fromAddress(): PolicyPlace {
  const asked = new URLSearchParams(window.location.search);
  const target = asked.get('target');
  const targetId = asked.get('id') ?? '';
  return (target === 'sandbox' || target === 'workspace') && targetId !== ''
    ? { target, targetId }
    : everyone;
}

/** What sandboxes may reach: for everyone, a workspace or one sandbox. */
export function Rules() {
  const trpc = useTRPC();
  const saved = useQuery(trpc.policies.list.queryOptions());
  const choices = useTargets();
  const [place, setPlace] = useState<PolicyPlace | null>(null);
  useEffect(() => setPlace(fromAddress()), []);
  if (place === null || (saved.isPending && choices.pending))
    return (
      <div role="status" aria-label="Loading the rules" className="grid gap-4">
        <Skeleton className="h-9 w-64" />
        <Skeleton className="h-96" />
      </div>
    );
  if (saved.isError && !saved.data)
    return <LoadError error={saved.error} retry={() => void saved.refetch()} busy={saved.isFetching} />;
  const versions = new Map((saved.data ?? []).map((it) => [`${it.target}:${it.targetId}`, it.version]));
  const option = (it: PolicyPlace, name: string) => {
    const version = versions.get(`${it.target}:${it.targetId}`);
    return (
      <option key={`${it.target}:${it.targetId}`} value={`${it.target}:${it.targetId}`}>
        {name}
        {version ? `, version ${version}` : ''}
      </option>
    );
  };
  function choose(value: string) {
    const [target = '', targetId = ''] = value.split(':');
    const next: PolicyPlace =
      target === 'sandbox' || target === 'workspace' ? { target, targetId } : everyone;
    const query =
      next.target === 'everyone' ? '' : `?target=${next.target}&id=${encodeURIComponent(next.targetId)}`;
    window.history.replaceState(null, '', `${window.location.pathname}${query}`);
    setPlace(next);
  }
  return (
    <div className="grid min-w-0 gap-4">
      <div className="flex flex-wrap items-center gap-3">
        <Select
          aria-label="Rules for"
          className="w-72 max-sm:w-full"
          value={`${place.target}:${place.targetId}`}
          onChange={(event) => choose(event.target.value)}
        >
          {option(everyone, 'Everyone')}
          <optgroup label="Workspaces">
            {choices.workspace.map((it) => option({ target: 'workspace', targetId: it.id }, it.name))}
          </optgroup>
          <optgroup label="Sandboxes">
            {choices.sandbox.map((it) => option({ target: 'sandbox', targetId: it.id }, it.name))}
          </optgroup>
        </Select>
        <p className="min-w-0 flex-1 text-ink-soft text-sm">
          {place.target === 'everyone'
            ? 'Holds for all sandboxes; grants of nearer rules are added to it.'
            : place.target === 'workspace'
              ? 'Holds for all sandboxes of the workspace, beside what everyone has.'
              : 'Holds for this sandbox, beside what its workspace and everyone have.'}
        </p>
      </div>
      <PolicyEditor key={`${place.target}:${place.targetId}`} place={place} />
    </div>
  );
}
