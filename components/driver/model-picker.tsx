'use client';

import { useMutation } from '@tanstack/react-query';
import { Check, ChevronDown } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import { modelAliases, modelLabel } from '../../shared/models';
import { effortSchema } from '../../shared/sandboxd-api';
import type { SessionView } from '../../shared/views';
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

/** Which model answers and how hard it thinks; a switch counts when Claude Code has confirmed it. */
export function ModelPicker({
  session,
  figures,
  disabled,
}: {
  session: SessionView;
  figures: Figures;
  disabled: boolean;
}) {
  const [switching, setSwitching] = useState<string | null>(null);
  const trpc = useTRPC();
  const { mutate: setOptions, isPending } = useMutation(trpc.sessions.setOptions.mutationOptions());
  const { model, effort } = figures;

  async function choose(to: string) {
    setSwitching(to);
    try {
      const confirmed = await sessionCalls.model(session.id, to);
      toast.success(`${modelLabel(confirmed.model)} answers now`);
    } catch (thrown) {
      const { title, next } = failureOf(thrown);
      toast.error(title, { description: next });
    } finally {
      setSwitching(null);
    }
  }
  const think = (to: (typeof effortSchema.options)[number]) =>
    setOptions(
      { id: session.id, effort: to },
      {
        onSuccess: () => toast.success(`Effort: ${effortNames[to]}`),
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
        <MenuItem key={it.id} onSelect={() => choose(it.id)}>
          {it.label}
          <span className="block truncate text-2xs text-ink-faint">{it.hint}</span>
        </MenuItem>
      ))}
      <MenuLine />
      <MenuLabel>Effort</MenuLabel>
      {effortSchema.options.map((it) => (
        <MenuItem
          key={it}
          onSelect={() => think(it)}
          hint={it === effort ? <Check className="size-3.5" /> : null}
        >
          {effortNames[it]}
        </MenuItem>
      ))}
    </Menu>
  );
}
