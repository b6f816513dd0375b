import { isSandboxScope, type Scope } from '../../shared/scopes';

/** What people choose from; single scopes are for those who know them. */
export const presets: readonly { id: string; label: string; hint: string; scopes: readonly Scope[] }[] = [
  { id: 'all', label: 'Everything you may', hint: 'As if you were signed in.', scopes: ['*'] },
  {
    id: 'drive',
    label: 'Drive sessions',
    hint: 'Open sessions and shells, type in them, read what they say.',
    scopes: [
      ...(['sandboxes:read', 'sessions:read', 'sessions:write', 'sessions:input'] as const),
      ...(['shells:read', 'shells:write', 'shells:input', 'files:read', 'files:write'] as const),
    ],
  },
  {
    id: 'look',
    label: 'Look on',
    hint: 'Read sessions, shells and files; type nowhere.',
    scopes: ['sandboxes:read', 'sessions:read', 'shells:read', 'files:read', 'usage:read'],
  },
  { id: 'own', label: 'Choose…', hint: 'Scope by scope.', scopes: [] },
];

export function fits(scope: Scope, bound: boolean): boolean {
  return !bound || isSandboxScope(scope);
}
