'use client';

import {
  ArrowDown,
  ArrowUp,
  Ellipsis,
  FlaskConical,
  Globe,
  KeyRound,
  Pencil,
  SquareTerminal,
  Trash2,
} from 'lucide-react';
import type { HookView } from '../../shared/hooks';
import { Badge } from '../ui/banner';
import { Button } from '../ui/button';
import { Menu, MenuItem, MenuLine } from '../ui/menu';
import { Switch } from '../ui/switch';
import { targetOf } from './words';

export type RowAction = 'edit' | 'test' | 'remove' | 'up' | 'down' | 'secret' | 'switch';

/** One hook of a list. */
export function HookRow({
  hook,
  first,
  last,
  mayEdit,
  busy,
  onAction,
}: {
  hook: HookView;
  first: boolean;
  last: boolean;
  mayEdit: boolean;
  busy: boolean;
  onAction(action: RowAction): void;
}) {
  const Icon = hook.action.kind === 'command' ? SquareTerminal : Globe;
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-2 px-5 py-3">
      <span className="grid size-8 shrink-0 place-items-center rounded-lg bg-sunken text-ink-soft">
        <Icon className="size-4" aria-hidden />
      </span>
      <div className="min-w-0 flex-1 basis-56">
        <p className="flex flex-wrap items-center gap-2 text-sm">
          <span className={hook.enabled ? 'truncate font-medium' : 'truncate text-ink-soft line-through'}>
            {hook.name}
          </span>
          <Badge>{hook.matcher === '' ? hook.event : `${hook.event} · ${hook.matcher}`}</Badge>
          {hook.onFailure === 'deny' && <Badge tone="warn">Denies on failure</Badge>}
          {!hook.enabled && <Badge>Off</Badge>}
        </p>
        <p className="truncate font-mono text-ink-faint text-xs" title={targetOf(hook)}>
          {targetOf(hook)}
        </p>
        <p className="text-ink-faint text-xs">
          {hook.timeoutSeconds} s{hook.secretHint === null ? '' : ` · signed, secret ${hook.secretHint}`}
        </p>
      </div>
      <div className="ml-auto flex items-center gap-2">
        <Button size="sm" aria-label={`Test ${hook.name}`} onClick={() => onAction('test')}>
          <FlaskConical /> Test
        </Button>
        {mayEdit && (
          <>
            <Switch
              label={<span className="sr-only">{hook.name} is on</span>}
              checked={hook.enabled}
              disabled={busy}
              onChange={() => onAction('switch')}
            />
            <Menu
              trigger={
                <Button look="ghost" size="icon" aria-label={`Actions for ${hook.name}`}>
                  <Ellipsis />
                </Button>
              }
            >
              <MenuItem icon={Pencil} onSelect={() => onAction('edit')}>
                Change…
              </MenuItem>
              <MenuItem icon={ArrowUp} disabled={first} onSelect={() => onAction('up')}>
                Earlier
              </MenuItem>
              <MenuItem icon={ArrowDown} disabled={last} onSelect={() => onAction('down')}>
                Later
              </MenuItem>
              {hook.action.kind === 'http' && (
                <MenuItem icon={KeyRound} onSelect={() => onAction('secret')}>
                  New secret
                </MenuItem>
              )}
              <MenuLine />
              <MenuItem icon={Trash2} danger onSelect={() => onAction('remove')}>
                Delete…
              </MenuItem>
            </Menu>
          </>
        )}
      </div>
    </li>
  );
}
