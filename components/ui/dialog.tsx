'use client';

import { X } from 'lucide-react';
import { Dialog as Primitive } from 'radix-ui';
import type { ReactNode } from 'react';
import { Button } from './button';
import { cx } from './cx';

const overlay = 'fixed inset-0 z-40 bg-shade animate-fade';

/** A dialog on desktops, a sheet from the bottom edge on phones. Closes on Escape unless `insists`. */
export function Dialog({
  open,
  onOpenChange,
  title,
  description,
  wide,
  insists,
  children,
}: {
  open: boolean;
  onOpenChange(open: boolean): void;
  title: string;
  description?: ReactNode;
  wide?: boolean;
  insists?: boolean;
  children: ReactNode;
}) {
  const stay = insists ? (event: Event) => event.preventDefault() : undefined;
  return (
    <Primitive.Root open={open} onOpenChange={onOpenChange}>
      <Primitive.Portal>
        <Primitive.Overlay className={overlay} />
        <Primitive.Content
          onEscapeKeyDown={stay}
          onInteractOutside={stay}
          {...(description ? {} : { 'aria-describedby': undefined })}
          className={cx(
            'fixed z-50 flex flex-col bg-surface shadow-float animate-rise focus-visible:outline-none',
            'max-sm:inset-x-0 max-sm:bottom-0 max-sm:max-h-[92dvh] max-sm:rounded-t-xl max-sm:border-t',
            'sm:inset-0 sm:m-auto sm:h-fit sm:max-h-[88dvh] sm:w-[calc(100%-2rem)] sm:rounded-xl sm:border',
            wide ? 'sm:max-w-2xl' : 'sm:max-w-md',
          )}
        >
          <div className="flex items-start gap-4 px-5 pt-5 pb-3">
            <div className="grid min-w-0 flex-1 gap-1">
              <Primitive.Title className="font-semibold text-lg">{title}</Primitive.Title>
              {description && (
                <Primitive.Description className="text-ink-soft text-sm">{description}</Primitive.Description>
              )}
            </div>
            {!insists && (
              <Primitive.Close asChild>
                <Button look="ghost" size="icon" aria-label="Close" className="-mt-1 -mr-2">
                  <X />
                </Button>
              </Primitive.Close>
            )}
          </div>
          <div className="min-h-0 overflow-y-auto px-5 pt-1 pb-5">{children}</div>
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

export function DialogActions({ children }: { children: ReactNode }) {
  return (
    <div className="mt-5 flex flex-wrap justify-end gap-2 max-sm:flex-col-reverse max-sm:[&>*]:w-full">
      {children}
    </div>
  );
}

/** A panel from the right edge. */
export function Sheet({
  open,
  onOpenChange,
  title,
  children,
}: {
  open: boolean;
  onOpenChange(open: boolean): void;
  title: string;
  children: ReactNode;
}) {
  return (
    <Primitive.Root open={open} onOpenChange={onOpenChange}>
      <Primitive.Portal>
        <Primitive.Overlay className={overlay} />
        <Primitive.Content
          aria-describedby={undefined}
          className="fixed inset-y-0 right-0 z-50 flex w-[min(22rem,92vw)] animate-fade flex-col border-l bg-surface shadow-float focus-visible:outline-none"
        >
          <div className="flex items-center justify-between border-b px-4 py-2">
            <Primitive.Title className="font-semibold text-base">{title}</Primitive.Title>
            <Primitive.Close asChild>
              <Button look="ghost" size="icon" aria-label="Close">
                <X />
              </Button>
            </Primitive.Close>
          </div>
          <div className="min-h-0 flex-1 overflow-y-auto">{children}</div>
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
