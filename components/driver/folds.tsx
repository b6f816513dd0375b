'use client';

import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react';

/** What a person opened or closed; kept here, as a row that scrolls out of sight is taken down. */
interface Folds {
  get(key: string): boolean | undefined;
  set(key: string, open: boolean): void;
}
const FoldsContext = createContext<Folds>({ get: () => undefined, set: () => undefined });

export function FoldsProvider({ children }: { children: ReactNode }) {
  const folds = useMemo<Folds>(() => {
    const known = new Map<string, boolean>();
    return { get: (key) => known.get(key), set: (key, open) => void known.set(key, open) };
  }, []);
  return <FoldsContext value={folds}>{children}</FoldsContext>;
}

/** Open or not, as it was left; until somebody touched it, as `byDefault` says at the time. */
export function useFold(key: string, byDefault: boolean): [boolean, () => void] {
  const folds = useContext(FoldsContext);
  const [chosen, setChosen] = useState(() => folds.get(key));
  const open = chosen ?? byDefault;
  const toggle = useCallback(() => {
    folds.set(key, !open);
    setChosen(!open);
  }, [folds, key, open]);
  return [open, toggle];
}
