import { AppError } from '../shared/errors';
import type { SandboxAccess, Services } from './contracts';

/** Answers `unavailable` until the service is there. */
const refuse = (): Promise<never> => Promise.reject(new AppError('unavailable'));
export const pendingSandboxes: Services['sandboxes'] = {
  list: async () => [],
  get: refuse,
  create: refuse,
  update: refuse,
  request: refuse,
  remove: refuse,
  usage: refuse,
};
export const pendingTasks: Services['tasks'] = { list: async () => [], get: refuse, cancel: refuse };
export const pendingAccess: SandboxAccess = refuse;
