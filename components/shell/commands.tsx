'use client';

import type { LucideIcon } from 'lucide-react';
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { matches, type Shortcut } from './shortcuts';

export interface Command {
  id: string;
  title: string;
  group: string;
  icon?: LucideIcon;
  /** Other words people may type for it. */
  keywords?: string[];
  shortcut?: Shortcut;
  /** Not in the palette: only its shortcut and its line in the sheet. */
  hidden?: boolean;
  run(): void;
}

interface Registry {
  commands: Command[];
  register(owner: symbol, commands: Command[]): void;
  forget(owner: symbol): void;
}

const RegistryContext = createContext<Registry | null>(null);

/** Whatever is on the screen adds its actions; the palette, the shortcuts and the `?` sheet all read this one list. */
export function CommandRegistry({ children }: { children: ReactNode }) {
  const [owned, setOwned] = useState<ReadonlyMap<symbol, Command[]>>(new Map());
  const register = useCallback((owner: symbol, commands: Command[]) => {
    setOwned((before) => new Map(before).set(owner, commands));
  }, []);
  const forget = useCallback((owner: symbol) => {
    setOwned((before) => {
      const after = new Map(before);
      after.delete(owner);
      return after;
    });
  }, []);
  const commands = useMemo(() => [...owned.values()].flat(), [owned]);
  const latest = useRef(commands);
  latest.current = commands;

  useEffect(() => {
    /** Capture phase: the terminal must not see what is meant for the app. */
    const onKey = (event: KeyboardEvent) => {
      const command = latest.current.find((it) => it.shortcut && matches(event, it.shortcut));
      if (!command) return;
      event.preventDefault();
      event.stopPropagation();
      command.run();
    };
    window.addEventListener('keydown', onKey, true);
    return () => window.removeEventListener('keydown', onKey, true);
  }, []);

  const value = useMemo(() => ({ commands, register, forget }), [commands, register, forget]);
  return <RegistryContext.Provider value={value}>{children}</RegistryContext.Provider>;
}

function useRegistry(): Registry {
  const registry = useContext(RegistryContext);
  if (!registry) throw new Error('commands need a CommandRegistry above them');
  return registry;
}

export function useAllCommands(): Command[] {
  return useRegistry().commands;
}

/** Offers commands while the calling component is mounted. `commands` must be memoised. */
export function useCommands(commands: Command[]): void {
  const { register, forget } = useRegistry();
  const owner = useRef(Symbol('commands')).current;
  useEffect(() => {
    register(owner, commands);
    return () => forget(owner);
  }, [register, forget, owner, commands]);
}
