'use client';

import { Dialog } from '../ui/dialog';
import { Kbd } from '../ui/kbd';
import { useAllCommands } from './commands';
import { isMac, keyCaps } from './shortcuts';

/** What the terminal handles itself; the rest is read from the commands on the screen. */
const terminalKeys = (mod: string) => [
  { title: 'Search in the terminal', caps: [mod, 'F'] },
  { title: 'Copy the selection', caps: mod === '⌘' ? ['⌘', 'C'] : ['Ctrl', 'Shift', 'C'] },
  { title: 'Paste', caps: mod === '⌘' ? ['⌘', 'V'] : ['Ctrl', 'Shift', 'V'] },
  { title: 'Larger, smaller, normal text', caps: [mod, '+ − 0'] },
  { title: 'Open a link', caps: [mod, 'Click'] },
];

export function ShortcutSheet({ open, onOpenChange }: { open: boolean; onOpenChange(open: boolean): void }) {
  const commands = useAllCommands().flatMap((it) =>
    it.shortcut ? [{ title: it.title, caps: keyCaps(it.shortcut), group: it.group }] : [],
  );
  const rows = [
    ...commands,
    ...terminalKeys(isMac() ? '⌘' : 'Ctrl').map((it) => ({ ...it, group: 'In a terminal' })),
  ];
  const groups = [...new Set(rows.map((it) => it.group))];
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Keyboard shortcuts" wide>
      <div className="grid gap-x-10 gap-y-5 sm:grid-cols-2">
        {groups.map((group) => (
          <section key={group} className="grid content-start gap-1">
            <h3 className="font-medium text-ink-faint text-xs">{group}</h3>
            <dl>
              {rows
                .filter((it) => it.group === group)
                .map((row) => (
                  <div
                    key={row.title}
                    className="flex items-center justify-between gap-4 border-b py-1.5 last:border-0"
                  >
                    <dt className="text-sm">{row.title}</dt>
                    <dd className="flex gap-1">
                      {row.caps.map((cap) => (
                        <Kbd key={cap}>{cap}</Kbd>
                      ))}
                    </dd>
                  </div>
                ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
