'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import type { z } from 'zod';
import type { createSessionSchema, SessionView } from '../../shared/views';
import { useTRPC } from '../api/trpc';

export type NewSession = Omit<z.input<typeof createSessionSchema>, 'sandboxId'>;

/** Changes of sessions, shown before the server's event arrives. */
export function useSessions(sandboxId: string) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const key = trpc.sandboxes.get.queryKey({ id: sandboxId });
  const put = (session: SessionView) =>
    queries.setQueryData(key, (sandbox) => {
      if (!sandbox) return sandbox;
      const there = sandbox.sessions.some((it) => it.id === session.id);
      const sessions = there
        ? sandbox.sessions.map((it) => (it.id === session.id ? session : it))
        : [...sandbox.sessions, session];
      return { ...sandbox, sessions };
    });
  const { mutate, isPending } = useMutation(trpc.sessions.create.mutationOptions({ onSuccess: put }));
  const rename = useMutation(trpc.sessions.rename.mutationOptions({ onSuccess: put }));
  const end = useMutation(trpc.sessions.end.mutationOptions({ onSuccess: put }));
  const create = useCallback(
    (input: NewSession, done: (session: SessionView) => void) =>
      mutate({ sandboxId, ...input }, { onSuccess: done }),
    [mutate, sandboxId],
  );
  return { create, busy: isPending, rename, end };
}
