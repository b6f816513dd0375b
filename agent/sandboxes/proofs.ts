import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Proof, type ProofMode, proofSchema } from '../../shared/proof';
import type { Records } from './records';

/** Per sandbox: at one proof in 15 minutes some two days; the gateway has fetched them long before. */
export const PROOFS_KEPT = 200;

/** Proofs of each sandbox, one JSON line each, in its folder. */
export function createProofs(records: Records) {
  const path = (id: string) => join(records.folder(id), 'proofs.ndjson');
  const known = new Map<string, Proof[]>();

  async function all(id: string): Promise<Proof[]> {
    const cached = known.get(id);
    if (cached) return cached;
    const text = await readFile(path(id), 'utf8').catch(() => '');
    // A line that was cut off by a crash is left out.
    const proofs = text.split('\n').flatMap((line) => parsed(line) ?? []);
    known.set(id, proofs);
    return proofs;
  }

  return {
    async add(id: string, proof: Proof): Promise<void> {
      const proofs = await all(id);
      proofs.push(proof);
      await mkdir(records.folder(id), { recursive: true, mode: 0o700 });
      // Written anew only now and then: an append is one small write.
      if (proofs.length < PROOFS_KEPT * 2) {
        return appendFile(path(id), `${JSON.stringify(proof)}\n`, { mode: 0o600 });
      }
      proofs.splice(0, proofs.length - PROOFS_KEPT);
      await writeFile(`${path(id)}.new`, proofs.map((it) => `${JSON.stringify(it)}\n`).join(''), {
        mode: 0o600,
      });
      await rename(`${path(id)}.new`, path(id));
    },
    /** Finished after this time, oldest first. */
    async after(id: string, time: string | null): Promise<Proof[]> {
      const from = time === null ? Number.NEGATIVE_INFINITY : Date.parse(time);
      return (await all(id)).slice(-PROOFS_KEPT).filter((it) => Date.parse(it.finishedAt) > from);
    },
    /** The newest that began after this time. */
    async newest(id: string, since: string | null): Promise<Proof | null> {
      const last = (await all(id)).at(-1);
      if (last === undefined) return null;
      return since === null || Date.parse(last.startedAt) >= Date.parse(since) ? last : null;
    },
    forget(id: string): void {
      known.delete(id);
    },
  };
}
export type Proofs = ReturnType<typeof createProofs>;

function parsed(line: string): Proof | null {
  if (line === '') return null;
  try {
    return proofSchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

/**
 * Why this proof cuts a sandbox off in this mode; null when it does not. A leak always does. Before the gate opens it
 * must be green, while it is open only a red one closes it: an echo service that is away for a minute is no fault.
 */
export function objectionOf(proof: Proof, mode: ProofMode, before: 'opening' | 'open'): string | null {
  if (mode === 'off' || proof.verdict === 'green') return null;
  const leak = proof.checks.some(
    (it) => it.result === 'fail' && (it.name.startsWith('refused.') || it.name === 'dns'),
  );
  const closes = leak || (mode === 'gate' && (proof.verdict === 'red' || before === 'opening'));
  return closes ? (proof.reason ?? 'The way out was not proven.') : null;
}
