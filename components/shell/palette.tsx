'use client';

import { Command as Cmdk } from 'cmdk';
import { Search } from 'lucide-react';
import { Dialog as Primitive } from 'radix-ui';
import { Kbd } from '../ui/kbd';
import { useAllCommands } from './commands';
import { keyCaps } from './shortcuts';

/** What is in front of the person comes first. */
const firstGroups = ['This sandbox', 'Sessions', 'Sandboxes'];

export function Palette({ open, onOpenChange }: { open: boolean; onOpenChange(open: boolean): void }) {
  const commands = useAllCommands().filter((it) => !it.hidden);
  const groups = [...new Set([...firstGroups, ...commands.map((it) => it.group)])].filter((group) =>
    commands.some((it) => it.group === group),
  );
  return (
    <Primitive.Root open={open} onOpenChange={onOpenChange}>
      <Primitive.Portal>
        <Primitive.Overlay className="fixed inset-0 z-40 animate-fade bg-shade" />
        <Primitive.Content
          aria-describedby={undefined}
          className="fixed inset-x-0 top-[12dvh] z-50 mx-auto w-[min(36rem,calc(100%-1.5rem))] animate-rise overflow-hidden rounded-xl border bg-surface shadow-float focus-visible:outline-none"
        >
          <Primitive.Title className="sr-only">Command palette</Primitive.Title>
          <Cmdk label="Commands" loop>
            <div className="flex items-center gap-2.5 border-b px-4">
              <Search className="size-4 text-ink-faint" aria-hidden />
              <Cmdk.Input
                placeholder="Type a command or the name of a sandbox"
                className="h-12 w-full bg-transparent text-base outline-none placeholder:text-ink-faint max-sm:text-[16px]"
              />
              <Kbd>Esc</Kbd>
            </div>
            <Cmdk.List className="max-h-[min(24rem,60dvh)] overflow-y-auto p-1.5">
              <Cmdk.Empty className="px-3 py-8 text-center text-ink-faint text-sm">
                Nothing of that name.
              </Cmdk.Empty>
              {groups.map((group) => (
                <Cmdk.Group
                  key={group}
                  heading={group}
                  className="[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-ink-faint [&_[cmdk-group-heading]]:text-xs"
                >
                  {commands
                    .filter((it) => it.group === group)
                    .map(({ id, title, icon: Icon, keywords, shortcut, run }) => (
                      <Cmdk.Item
                        key={id}
                        value={`${title} ${id}`}
                        {...(keywords ? { keywords } : {})}
                        onSelect={() => {
                          onOpenChange(false);
                          run();
                        }}
                        className="flex cursor-pointer items-center gap-2.5 rounded-md px-2.5 py-2 text-sm data-[selected=true]:bg-accent-soft max-sm:py-2.5"
                      >
                        {Icon ? (
                          <Icon className="size-4 text-ink-faint" aria-hidden />
                        ) : (
                          <span className="size-4" />
                        )}
                        <span className="min-w-0 flex-1 truncate">{title}</span>
                        {shortcut && (
                          <span className="flex gap-1 max-sm:hidden">
                            {keyCaps(shortcut).map((cap) => (
                              <Kbd key={cap}>{cap}</Kbd>
                            ))}
                          </span>
                        )}
                      </Cmdk.Item>
                    ))}
                </Cmdk.Group>
              ))}
            </Cmdk.List>
          </Cmdk>
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
