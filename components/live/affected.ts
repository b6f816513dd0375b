/** Live updates: one event stream tells what changed, the queries that show it are fetched anew. */
import type { LiveEvent } from '../../shared/views';

/** A query key's beginning: tRPC's path, and ids where one thing is enough. */
export interface Affected {
  path: readonly [string, ...string[]];
  /** Only the query for this id; absent = all of that path. */
  id?: string;
}

/** Which queries show what an event tells of. Pure, so that a test can go through all topics. */
export function affectedBy(event: Pick<LiveEvent, 'topic' | 'subject' | 'sandboxId'>): Affected[] {
  const sandbox = (id: string | null): Affected[] => [
    { path: ['sandboxes', 'list'] },
    ...(id ? [{ path: ['sandboxes', 'get'] as const, id }] : []),
  ];
  switch (event.topic) {
    case 'sandbox':
      return [
        ...sandbox(event.subject),
        { path: ['network', 'ofSandbox'], id: event.subject },
        { path: ['network', 'proofs'], id: event.subject },
        // Whether they are suspended.
        { path: ['sessions', 'list'] },
      ];
    case 'session':
      return [...sandbox(event.sandboxId), { path: ['sessions', 'list'] }];
    case 'task':
      return [...sandbox(event.sandboxId), { path: ['tasks'] }];
    case 'user':
      return [{ path: ['users'] }, { path: ['account', 'me'] }, { path: ['admin', 'audit'] }];
    case 'workspace':
      return [{ path: ['workspaces'] }, ...sandbox(null)];
    case 'egress':
      return [{ path: ['egress'] }, ...sandbox(null)];
    case 'policies':
      return [{ path: ['policies'] }, { path: ['network'] }];
    case 'notifications':
      return [{ path: ['notifications'] }];
    case 'providers':
      return [{ path: ['providers'] }];
    case 'login':
      return [{ path: ['login'] }];
    case 'usage':
      return [{ path: ['usage'] }];
    case 'me':
      return [{ path: ['account'] }, { path: ['sshKeys'] }];
  }
}
