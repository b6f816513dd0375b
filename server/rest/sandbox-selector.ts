/** Routes of the seed name no sandbox, as it had one: `?sandbox_id=` here, or the only one that the caller can mean. */
import { AppError } from '../../shared/errors';
import type { Identity, Services } from '../contracts';

export async function sandboxMeant(
  services: Pick<Services, 'sandboxes'>,
  identity: Identity,
  given: string | undefined,
): Promise<string> {
  if (given !== undefined) return given;
  if (identity.sandboxId !== null) return identity.sandboxId;
  const usable = (await services.sandboxes.list(identity, {})).filter((it) => it.can.use);
  const [only] = usable;
  if (only && usable.length === 1) return only.id;
  throw new AppError('invalid_input', 'Name the sandbox: ?sandbox_id=', { field: 'sandbox_id' });
}
