/**
 * What must not be lost while sandboxd is not there: SessionStart (Claude Code runs it only as a command) and a
 * session's exit. Scripts leave one file for each in a folder; names sort by time. First line: `<session> <event>`.
 */
import { mkdirSync, readdirSync, readFileSync, unlinkSync, watch } from 'node:fs';
import { join } from 'node:path';
import { isSessionId } from './session-id';

export interface Spooled {
  session: string;
  event: string;
  body: string;
}

export function watchSpool(options: {
  folder: string;
  take: (spooled: Spooled) => void;
  onError: (error: unknown) => void;
}): { close(): void } {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const drain = () => {
    for (const name of readdirSync(options.folder).sort()) {
      if (name.startsWith('.')) continue; // being written
      const path = join(options.folder, name);
      try {
        const text = readFileSync(path, 'utf8');
        const [, session = '', event = '', body = ''] = /^(\S+) (\S+)\n([\s\S]*)$/.exec(text) ?? [];
        if (isSessionId(session)) options.take({ session, event, body });
      } catch (error) {
        options.onError(error);
      }
      try {
        unlinkSync(path);
      } catch {
        // Gone already.
      }
    }
  };
  const watcher = watch(options.folder, drain);
  watcher.on('error', options.onError);
  drain();
  return { close: () => watcher.close() };
}
