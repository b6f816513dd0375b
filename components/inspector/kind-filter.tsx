'use client';

import { Check, ListFilter } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import { type FrameKind, frameKinds } from '../../shared/frames';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { Menu, MenuItem, MenuLine } from '../ui/menu';
import { kindTone, toneText } from './gist';

/** Which kinds are shown; null = all. The menu stays open while several are chosen. */
export function KindFilter({
  kinds,
  onChange,
}: {
  kinds: ReadonlySet<FrameKind> | null;
  onChange(kinds: ReadonlySet<FrameKind> | null): void;
}) {
  const shown = kinds ?? new Set(frameKinds);
  function toggle(kind: FrameKind) {
    const next = new Set(shown);
    if (!next.delete(kind)) next.add(kind);
    onChange(next.size === frameKinds.length ? null : next);
  }
  return (
    <Menu
      align="start"
      trigger={
        <Button size="sm" className={cx('max-w-36', kinds && 'border-accent text-accent')}>
          <ListFilter aria-hidden />
          <span className="truncate">
            {kinds === null ? 'All kinds' : kinds.size === 1 ? [...kinds][0] : `${kinds.size} kinds`}
          </span>
        </Button>
      }
    >
      <div className="max-h-[60dvh] overflow-y-auto">
        <MenuItem onSelect={() => onChange(null)}>All kinds</MenuItem>
        <MenuItem onSelect={() => onChange(new Set())}>None</MenuItem>
        <MenuLine />
        {frameKinds.map((kind) => (
          <DropdownMenu.CheckboxItem
            key={kind}
            checked={shown.has(kind)}
            onCheckedChange={() => toggle(kind)}
            onSelect={(event) => event.preventDefault()}
            className="flex items-center gap-2.5 rounded-md py-1 pr-2.5 pl-8 font-mono text-xs outline-none data-highlighted:bg-accent-soft max-sm:py-2"
          >
            <DropdownMenu.ItemIndicator className="-ml-5.5 absolute">
              <Check className="size-3.5" aria-hidden />
            </DropdownMenu.ItemIndicator>
            <span className={toneText[kindTone[kind]]}>{kind}</span>
          </DropdownMenu.CheckboxItem>
        ))}
      </div>
    </Menu>
  );
}
