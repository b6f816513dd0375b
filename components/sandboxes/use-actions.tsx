'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Hammer, type LucideIcon, Pause, Play, RotateCw, Square } from 'lucide-react';
import { useCallback } from 'react';
import { toast } from 'sonner';
import type { SandboxView } from '../../shared/views';
import { useTRPC } from '../api/trpc';

export type PowerAction = 'start' | 'stop' | 'pause' | 'resume' | 'rebuild' | 'retry';

export const actionFaces: Record<PowerAction, { title: string; icon: LucideIcon; started: string }> = {
  start: { title: 'Start', icon: Play, started: 'Starting' },
  resume: { title: 'Resume', icon: Play, started: 'Resuming' },
  pause: { title: 'Pause', icon: Pause, started: 'Pausing' },
  stop: { title: 'Stop', icon: Square, started: 'Stopping' },
  retry: { title: 'Retry', icon: RotateCw, started: 'Trying again' },
  rebuild: { title: 'Rebuild', icon: Hammer, started: 'Rebuilding' },
};

/** What makes sense now, most wanted first. */
export function offeredActions(sandbox: Pick<SandboxView, 'state' | 'can'>): PowerAction[] {
  if (!sandbox.can.manage) return [];
  switch (sandbox.state) {
    case 'running':
      return ['pause', 'stop', 'rebuild'];
    case 'stopped':
      return ['start', 'rebuild'];
    case 'paused':
      return ['resume', 'stop', 'rebuild'];
    case 'unavailable':
      return ['start', 'stop', 'rebuild'];
    case 'error':
      return ['retry', 'stop', 'rebuild'];
    default:
      return [];
  }
}

export function useSandboxActions(sandbox: Pick<SandboxView, 'id' | 'name'>) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const refresh = () => {
    void queries.invalidateQueries({ queryKey: trpc.sandboxes.pathKey() });
    void queries.invalidateQueries({ queryKey: trpc.tasks.pathKey() });
  };
  const request = useMutation(trpc.sandboxes.request.mutationOptions({ onSettled: refresh }));
  const remove = useMutation(trpc.sandboxes.remove.mutationOptions({ onSettled: refresh }));
  const cancel = useMutation(trpc.tasks.cancel.mutationOptions({ onSettled: refresh }));
  const { mutate } = request;
  const { id, name } = sandbox;
  const act = useCallback(
    (action: PowerAction) =>
      mutate({ id, action }, { onSuccess: () => toast(`${actionFaces[action].started} “${name}”.`) }),
    [mutate, id, name],
  );
  return {
    busy: request.isPending || remove.isPending,
    act,
    remove: (done?: () => void) =>
      remove.mutate(
        { id: sandbox.id },
        {
          onSuccess: () => {
            toast(`Deleting “${sandbox.name}”.`);
            done?.();
          },
        },
      ),
    cancel: (taskId: string) => cancel.mutate({ id: taskId }),
    canceling: cancel.isPending,
  };
}
