/** What the helper refuses, with a code of shared/errors.ts; the gateway maps it. */
export type RefusalCode =
  | 'invalid_input'
  | 'forbidden'
  | 'not_found'
  | 'name_taken'
  | 'conflict'
  | 'too_large'
  | 'wrong_state'
  | 'canceled'
  | 'internal';

export class Refusal extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What the kernel said, as a refusal. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const code = error instanceof Error && 'code' in error ? error.code : '';
  switch (code) {
    case 'ENOENT':
      return new Refusal('not_found', 'There is no such file or folder.');
    case 'ENOTDIR':
      return new Refusal('not_found', 'A part of this path is no folder.');
    case 'EISDIR':
      return new Refusal('wrong_state', 'This is a folder.');
    case 'EACCES':
    case 'EPERM':
      return new Refusal('forbidden', 'The sandbox’s user may not do that with this file or folder.');
    case 'EEXIST':
    case 'ENOTEMPTY':
      return new Refusal('name_taken', 'There is something of this name already.');
    case 'EINVAL':
      return new Refusal('invalid_input', 'This cannot be done with these names.');
    case 'ENAMETOOLONG':
      return new Refusal('invalid_input', 'This name is too long.');
    case 'ENOSPC':
    case 'EDQUOT':
      return new Refusal('too_large', 'The disk of the sandbox is full.');
    case 'EROFS':
      return new Refusal('forbidden', 'This folder is read-only.');
    case 'EXDEV':
      return new Refusal('wrong_state', 'This cannot be moved to another disk.');
    case 'ETXTBSY':
      return new Refusal('wrong_state', 'This program is running.');
    default:
      return new Refusal('internal', `The sandbox could not do this (${String(code) || 'error'}).`);
  }
}
