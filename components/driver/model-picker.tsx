'use client';

import { useMutation } from '@tanstack/react-query';
import { Check, ChevronDown } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import { modelAliases, modelLabel } from '../../shared/models';
import { effortSchema } from '../../shared/sandboxd-api';
import { permissionModeSchema, type SessionView } from '../../shared/views';
import { failureOf as trpcFailureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { Button } from '../ui/button';
import { Menu, MenuItem, MenuLabel, MenuLine } from '../ui/menu';
import type { Figures } from './figures';
import { failureOf, sessionCalls } from './session-calls';

/** As the form of a new session calls them. */
const effortNames = {
  low: 'Low',
  medium: 'Medium',
  high: 'High',
  xhigh: 'Very high',
  max: 'Maximum',
} as const;

function effortLabel(effort: string): string {
  const known = effortSchema.safeParse(effort);
  return known.success ? effortNames[known.data].toLowerCase() : effort;
}

/** As the form of a new session calls them. */
const modeNames: Record<SessionView['permissionMode'], string> = {
  bypassPermissions: 'Bypass: never asks',
  acceptEdits: 'Accept edits',
  plan: 'Plan: changes nothing',
  manual: 'Manual: asks each time',
};

/**
 * Which model answers, how hard it thinks and what it asks before: a switch of the model counts when Claude Code has
 * confirmed it, the others start Claude again in the same conversation. In a sandbox that is stopped all of it is kept
 * for its next start.
 */
export function ModelPicker({
  session,
  figures,
  mode,
  disabled,
}: {
  session: SessionView;
  figures: Figures;
  /** As Claude Code calls it. */
  mode: string;
  disabled: boolean;
}) {
  const [switching, setSwitching] = useState<string | null>(null);
  const trpc = useTRPC();
  const { mutate: setOptions, isPending } = useMutation(trpc.sessions.setOptions.mutationOptions());
  const { model, effort } = figures;
  const stopped = session.state === 'suspended';

  async function choose(to: (typeof modelAliases)[number]) {
    if (stopped) return set({ model: to.id }, `${to.label} answers`);
    setSwitching(to.id);
    try {
      const confirmed = await sessionCalls.model(session.id, to.id);
      toast.success(`${modelLabel(confirmed.model)} answers now`);
    } catch (thrown) {
      const { title, next } = failureOf(thrown);
      toast.error(title, { description: next });
    } finally {
      setSwitching(null);
    }
  }
  const set = (
    change: Pick<Parameters<typeof setOptions>[0], 'model' | 'effort' | 'permissionMode'>,
    words: string,
  ) =>
    setOptions(
      { id: session.id, ...change },
      {
        onSuccess: () => toast.success(stopped ? `${words} from the next start on` : words),
        onError: (thrown) => {
          const { title, next } = trpcFailureOf(thrown);
          toast.error(title, { description: next });
        },
      },
    );

  return (
    <Menu
      align="start"
      trigger={
        <Button
          look="ghost"
          size="sm"
          disabled={disabled}
          busy={switching !== null || isPending}
          className="min-w-0 max-w-48 px-1.5"
        >
          <span className="sr-only">Model and effort: </span>
          <span className="truncate">{model ? modelLabel(model) : 'Model'}</span>
          {effort && <span className="truncate text-ink-faint">{effortLabel(effort)}</span>}
          <ChevronDown aria-hidden />
        </Button>
      }
    >
      <MenuLabel>Model</MenuLabel>
      {modelAliases.map((it) => (
        <MenuItem key={it.id} onSelect={() => choose(it)}>
          {it.label}
          <span className="block truncate text-2xs text-ink-faint">{it.hint}</span>
        </MenuItem>
      ))}
      <MenuLine />
      <MenuLabel>Effort</MenuLabel>
      {effortSchema.options.map((it) => (
        <MenuItem
          key={it}
          onSelect={() => set({ effort: it }, `Effort ${effortNames[it].toLowerCase()}`)}
          hint={it === effort ? <Check className="size-3.5" /> : null}
        >
          {effortNames[it]}
        </MenuItem>
      ))}
      <MenuLine />
      <MenuLabel>Permissions</MenuLabel>
      {permissionModeSchema.options.map((it) => (
        <MenuItem
          key={it}
          onSelect={() => set({ permissionMode: it }, modeNames[it])}
          hint={it === (mode === 'default' ? 'manual' : mode) ? <Check className="size-3.5" /> : null}
        >
          {modeNames[it]}
        </MenuItem>
      ))}
    </Menu>
  );
}
