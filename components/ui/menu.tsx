'use client';

import type { LucideIcon } from 'lucide-react';
import { DropdownMenu as Primitive } from 'radix-ui';
import type { ComponentProps, ReactNode } from 'react';
import { cx } from './cx';

export function Menu({
  trigger,
  align = 'end',
  children,
}: {
  trigger: ReactNode;
  align?: 'start' | 'end';
  children: ReactNode;
}) {
  return (
    <Primitive.Root modal={false}>
      <Primitive.Trigger asChild>{trigger}</Primitive.Trigger>
      <Primitive.Portal>
        <Primitive.Content
          align={align}
          sideOffset={6}
          collisionPadding={8}
          className="z-50 max-h-(--radix-dropdown-menu-content-available-height) min-w-48 max-w-72 animate-rise overflow-y-auto rounded-lg border bg-raised p-1 shadow-float"
        >
          {children}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

export function MenuItem({
  icon: Icon,
  danger,
  hint,
  className,
  children,
  ...rest
}: ComponentProps<typeof Primitive.Item> & { icon?: LucideIcon; danger?: boolean; hint?: ReactNode }) {
  return (
    <Primitive.Item
      className={cx(
        'flex items-center gap-2.5 rounded-md px-2.5 py-1.5 text-sm outline-none data-highlighted:bg-accent-soft data-disabled:opacity-45 max-sm:py-2.5',
        danger && 'text-bad data-highlighted:bg-bad-soft',
        className,
      )}
      {...rest}
    >
      {Icon && <Icon className="size-4 shrink-0 opacity-75" aria-hidden />}
      <span className="min-w-0 flex-1 truncate">{children}</span>
      {hint && <span className="text-2xs text-ink-faint">{hint}</span>}
    </Primitive.Item>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return (
    <Primitive.Label className="truncate px-2.5 pt-1.5 pb-1 text-ink-faint text-xs">
      {children}
    </Primitive.Label>
  );
}

export function MenuLine() {
  return <Primitive.Separator className="my-1 h-px bg-line" />;
}
