/** The part of the composition that is about a sandbox's files and ports. */
import type { Logger } from 'pino';
import type { Scope } from '../shared/lifecycle';
import type { Audit, Db, SandboxAccess } from './contracts';
import type { FilesServices } from './files-contracts';
import type { Activity } from './gateway/activity';
import type { GatewayConnections } from './gateway/connections';
import { createPortListeners, type PortListeners, type PortRange } from './gateway/port-listeners';
import type { PortProxy } from './gateway/port-proxy';
import { createFilesHelper } from './services/files/filesd';
import { createFiles } from './services/files/service';
import { createPortMappings } from './services/ports/mappings';
import { createPorts } from './services/ports/service';

export interface FilesParts {
  services: FilesServices;
  listeners: PortListeners;
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
    ports: Pick<PortProxy, 'mapped'>;
    host: string;
    portRange: PortRange | null;
  },
): FilesParts {
  const { db, audit, log, access, connections, activity } = options;
  const helper = scope.own('file helpers', createFilesHelper({ connections, log }));
  const listeners = scope.own(
    'mapped ports',
    createPortListeners({
      ...{ db, log, host: options.host, range: options.portRange, proxy: options.ports.mapped },
    }),
  );
  const mappings = createPortMappings({ db, audit, access, listeners });
  const onActivity = (id: string) => activity.touch(id);
  return {
    listeners,
    services: {
      files: createFiles({ db, audit, access, helper, onActivity }),
      ports: { ...createPorts({ access, helper }), ...mappings },
    },
  };
}
