import type { Audit, Db, Live, SandboxAccess } from '../../contracts';
import type { TaskEngine } from '../../tasks/engine';

export interface PolicyParts {
  db: Db;
  live: Live;
  audit: Audit;
  engine: TaskEngine;
  access: SandboxAccess;
}
