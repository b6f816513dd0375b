/** Claude's own log-in in a sandbox, driven for a person in the browser. */
import { AppError } from '../../../shared/errors';
import type { SandboxAccess, Services } from '../../contracts';

export function createLogin({ access }: { access: SandboxAccess }): Services['login'] {
  const refuse = async () => {
    throw new AppError(
      'unavailable',
      'The log-in cannot be driven from here yet; type /login in the terminal.',
    );
  };
  return {
    async start(identity, sandboxId) {
      await access(identity, sandboxId, 'use');
      return refuse();
    },
    async code(identity, { sandboxId }) {
      await access(identity, sandboxId, 'use');
      return refuse();
    },
    async cancel(identity, sandboxId) {
      await access(identity, sandboxId, 'use');
      return refuse();
    },
    async status(identity, sandboxId) {
      await access(identity, sandboxId, 'use');
      return refuse();
    },
    // biome-ignore lint/correctness/useYield: it only refuses for now
    async *follow(identity, sandboxId) {
      await access(identity, sandboxId, 'use');
      await refuse();
    },
  };
}
