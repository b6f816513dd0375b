/** The tRPC surface: thin, one service call a procedure. `AppRouter` is the only thing clients import. */
import { accountRouter } from './account';
import { adminRouter } from './admin';
import { egressRouter } from './egress';
import { filesRouter } from './files';
import { hooksRouter } from './hooks';
import { loginRouter } from './login';
import { networkRouter } from './network';
import { notificationsRouter } from './notifications';
import { policiesRouter } from './policies';
import { portsRouter } from './ports';
import { providersRouter } from './providers';
import { sandboxesRouter } from './sandboxes';
import { sessionsRouter } from './sessions';
import { sshKeysRouter } from './ssh-keys';
import { tasksRouter } from './tasks';
import { tokensRouter } from './tokens';
import { router } from './trpc';
import { usageRouter } from './usage';
import { usersRouter } from './users';
import { workspacesRouter } from './workspaces';

export const appRouter = router({
  account: accountRouter,
  admin: adminRouter,
  egress: egressRouter,
  files: filesRouter,
  hooks: hooksRouter,
  login: loginRouter,
  network: networkRouter,
  notifications: notificationsRouter,
  policies: policiesRouter,
  ports: portsRouter,
  providers: providersRouter,
  sandboxes: sandboxesRouter,
  sessions: sessionsRouter,
  sshKeys: sshKeysRouter,
  tasks: tasksRouter,
  tokens: tokensRouter,
  usage: usageRouter,
  users: usersRouter,
  workspaces: workspacesRouter,
});
export type AppRouter = typeof appRouter;
