/** The part of the composition that is about a sandbox's files and ports. */
import type { Logger } from 'pino';
import type { Scope } from '../shared/lifecycle';
import type { Audit, Db, SandboxAccess } from './contracts';
import type { FilesServices } from './files-contracts';
import type { Activity } from './gateway/activity';
import type { GatewayConnections } from './gateway/connections';
import { createFilesHelper } from './services/files/filesd';
import { createFiles } from './services/files/service';
import { createPorts } from './services/ports/service';

export interface FilesParts {
  services: FilesServices;
}

export function buildFiles(
  scope: Scope,
  options: {
    db: Db;
    audit: Audit;
    log: Logger;
    access: SandboxAccess;
    connections: GatewayConnections;
    activity: Activity;
  },
): FilesParts {
  const { db, audit, log, access, connections, activity } = options;
  const helper = scope.own('file helpers', createFilesHelper({ connections, log }));
  const onActivity = (id: string) => activity.touch(id);
  return {
    services: {
      files: createFiles({ db, audit, access, helper, onActivity }),
      ports: createPorts({ access, helper }),
    },
  };
}
