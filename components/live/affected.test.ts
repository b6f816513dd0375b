import { expect, test } from 'vitest';
import { liveEventSchema } from '../../shared/views';
import { affectedBy } from './affected';

const paths = (
  topic: (typeof liveEventSchema.shape.topic.options)[number],
  sandboxId: string | null = null,
) =>
  affectedBy({ topic, subject: 'subject', sandboxId }).map(
    (it) => it.path.join('.') + (it.id ? `#${it.id}` : ''),
  );

test('every topic reaches the queries that show it', () => {
  expect(Object.fromEntries(liveEventSchema.shape.topic.options.map((it) => [it, paths(it, 'sb')]))).toEqual({
    sandbox: [
      'sandboxes.list',
      'sandboxes.get#subject',
      'network.ofSandbox#subject',
      'network.proofs#subject',
      'sessions.list',
    ],
    session: ['sandboxes.list', 'sandboxes.get#sb', 'sessions.list'],
    task: ['sandboxes.list', 'sandboxes.get#sb', 'tasks'],
    user: ['users', 'account.me', 'admin.audit'],
    workspace: ['workspaces', 'sandboxes.list'],
    me: ['account', 'sshKeys'],
    egress: ['egress', 'sandboxes.list'],
    policies: ['policies', 'network'],
    notifications: ['notifications'],
    providers: ['providers'],
    login: ['login'],
    usage: ['usage'],
  });
});

test('an event without a sandbox touches the lists only', () => {
  expect(paths('task')).toEqual(['sandboxes.list', 'tasks']);
});
