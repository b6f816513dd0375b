/** Folders that somebody looks at: says which of them has changed. */
import { type FSWatcher, watch } from 'node:fs';
import type { Root } from './confined';

/** Changes within this time are told once: a checkout writes thousands of files. */
const GATHER_MS = 200;

export function watchFolders(
  root: Root,
  folders: readonly (readonly string[])[],
  onChange: (path: string) => void,
): { close(): void } {
  const watchers: FSWatcher[] = [];
  const due = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  const tell = (path: string) => {
    due.add(path);
    timer ??= setTimeout(() => {
      timer = null;
      const all = [...due];
      due.clear();
      for (const it of all) onChange(it);
    }, GATHER_MS);
  };
  for (const parts of folders) {
    const path = parts.join('/');
    try {
      const handle = root.open(parts);
      try {
        // The kernel watches the folder itself, whatever its name leads to later.
        const watcher = watch(handle.path, { persistent: true }, () => tell(path));
        watcher.on('error', () => tell(path));
        watchers.push(watcher);
      } finally {
        handle.close();
      }
    } catch {
      // Gone already: whoever lists it next will see that.
      tell(path);
    }
  }
  return {
    close() {
      if (timer) clearTimeout(timer);
      for (const it of watchers) it.close();
    },
  };
}
