'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import type { SandboxView } from '../../shared/views';
import { useTRPC } from '../api/trpc';
import { Button } from '../ui/button';
import { LimitsFields, limitsText, parseLimits } from './limits-fields';

/** Limits take hold while the sandbox runs. */
export function LimitsEditor({ sandbox }: { sandbox: SandboxView }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [text, setText] = useState(() => limitsText(sandbox.limits));
  const update = useMutation(
    trpc.sandboxes.update.mutationOptions({
      onSuccess: (changed) => {
        queries.setQueryData(trpc.sandboxes.get.queryKey({ id: changed.id }), changed);
        toast.success('The new limits hold.');
      },
    }),
  );
  const parsed = parseLimits(text);
  const dirty = JSON.stringify(parsed) !== JSON.stringify(sandbox.limits);
  if (!sandbox.can.manage)
    return (
      <p className="text-ink-soft text-sm">
        {sandbox.limits.cpus} CPUs, {sandbox.limits.memoryMb} MB, {sandbox.limits.pids} processes
      </p>
    );
  return (
    <form
      className="grid gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (parsed) update.mutate({ id: sandbox.id, limits: parsed });
      }}
    >
      <LimitsFields value={text} onChange={setText} />
      {dirty && (
        <div className="flex justify-end gap-2">
          <Button size="sm" look="ghost" onClick={() => setText(limitsText(sandbox.limits))}>
            Reset
          </Button>
          <Button size="sm" type="submit" look="primary" disabled={!parsed} busy={update.isPending}>
            Apply
          </Button>
        </div>
      )}
    </form>
  );
}
