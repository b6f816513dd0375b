import { TRPCClientError } from '@trpc/client';
import { type ErrorCode, errorTable, isErrorCode } from '../../shared/errors';

/** What a person is told about a failed call: what happened, what to do, and the id to give an administrator. */
export interface Failure {
  code: ErrorCode | 'offline';
  title: string;
  next: string;
  field: string | null;
  requestId: string | null;
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The first sentence of a zod error, which tRPC hands over as a JSON list in the message. */
function firstIssue(message: string): { title: string; field: string | null } | null {
  if (!message.startsWith('[')) return null;
  try {
    const issues: unknown = JSON.parse(message);
    const issue: unknown = Array.isArray(issues) ? issues[0] : null;
    if (typeof issue !== 'object' || issue === null || !('message' in issue)) return null;
    const path = 'path' in issue && Array.isArray(issue.path) ? issue.path.join('.') : null;
    return { title: String(issue.message), field: path || null };
  } catch {
    return null;
  }
}

function statusOf(response: unknown): number | null {
  return response instanceof Response ? response.status : null;
}

export function failureOf(thrown: unknown): Failure {
  if (!(thrown instanceof TRPCClientError)) {
    const { title, next } = errorTable.internal;
    return { code: 'internal', title, next, field: null, requestId: null };
  }
  // tRPC types `data` by the router; here it is read defensively, as a proxy may answer in its place.
  const data: Record<string, unknown> = thrown.data ?? {};
  if (!thrown.data) {
    // The access table refuses before tRPC is asked, so that this answer has no envelope of tRPC's.
    if (statusOf(thrown.meta?.response) === errorTable.unauthenticated.http) {
      const { title, next } = errorTable.unauthenticated;
      return { code: 'unauthenticated', title, next, field: null, requestId: null };
    }
    return {
      code: 'offline',
      title: 'The server did not answer.',
      next: 'Check the connection; this page tries again by itself.',
      field: null,
      requestId: null,
    };
  }
  const code = isErrorCode(data.appCode) ? data.appCode : 'internal';
  const issue = code === 'invalid_input' ? firstIssue(thrown.message) : null;
  return {
    code,
    title: issue?.title ?? (thrown.message || errorTable[code].title),
    next: text(data.next) ?? errorTable[code].next,
    field: issue?.field ?? text(data.field),
    requestId: text(data.requestId),
  };
}
