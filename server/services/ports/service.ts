/** Ports that programs in a sandbox listen on: who may know of them, and the helper in the sandbox that looks. */
import { z } from 'zod';
import { AppError } from '../../../shared/errors';
import { listeningPortSchema } from '../../../shared/files';
import { portPath } from '../../../shared/ports';
import type { SandboxAccess } from '../../contracts';
import type { FilesServices } from '../../files-contracts';
import type { FilesHelper } from '../files/filesd';

/** More than one machine's programs listen on. */
const ANSWER_MAX_BYTES = 1024 * 1024;
const ANSWER_MAX_MS = 10_000;
const answerSchema = z.object({ ports: z.array(listeningPortSchema) });

export function createPorts({
  access,
  helper,
}: {
  access: SandboxAccess;
  helper: FilesHelper;
}): Pick<FilesServices['ports'], 'list'> {
  return {
    async list(identity, sandboxId) {
      await access(identity, sandboxId, 'use');
      const signal = AbortSignal.timeout(ANSWER_MAX_MS);
      const response = await helper.ask(sandboxId, { method: 'GET', path: '/ports', query: {}, signal });
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of response) {
        size += chunk.length;
        if (size > ANSWER_MAX_BYTES) break;
        chunks.push(Buffer.from(chunk));
      }
      try {
        const { ports } = answerSchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
        return ports.map((it) => ({ ...it, url: portPath(sandboxId, it.port) }));
      } catch (cause) {
        throw new AppError('unavailable', 'The sandbox did not answer as expected.', { cause });
      }
    },
  };
}
