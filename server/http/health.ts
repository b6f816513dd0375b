import type { HealthView } from '../../shared/views';
import type { Identity } from '../contracts';
import { type HealthSources, readHealth } from '../services/admin/service';

/** Anybody may ask, so the agent is asked at most this often. */
const KEEP_MS = 2_000;

/** `/healthz`: 503 only when the gateway cannot serve. Details are for administrators, others see names. */
export function createHealth(sources: HealthSources) {
  let kept: { at: number; view: Promise<HealthView> } | undefined;
  return async (identity: Identity | null): Promise<{ status: number; body: unknown }> => {
    if (!kept || Date.now() - kept.at > KEEP_MS) kept = { at: Date.now(), view: readHealth(sources) };
    const view = await kept.view;
    const body =
      identity?.role === 'admin'
        ? view
        : { status: view.status, checks: view.checks.map(({ name, ok }) => ({ name, ok })) };
    return { status: view.status === 'failed' ? 503 : 200, body };
  };
}
