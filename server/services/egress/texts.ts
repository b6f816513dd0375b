/** Ways out from pasted texts, and back to texts. */

import type { EgressView, ImportPreview } from '../../../shared/egress-views';
import { AppError } from '../../../shared/errors';
import { actorOf, type Identity } from '../../contracts';
import { type ExportFormat, exportEgress } from '../../egress/export/export';
import { readEgresses } from '../../egress/import/read-apart';
import { insertEgress, readEgress, viewOf } from './crud';
import { type EgressParts, requireAdmin } from './parts';

export async function previewImport(
  parts: EgressParts,
  identity: Identity,
  { text }: { text: string },
): Promise<ImportPreview> {
  requireAdmin(identity);
  const { format, entries, problem } = await readEgresses(text);
  const prints = entries.map((it) => (it.config === null ? null : parts.secrets.fingerprint(it.config)));
  const known = await parts.db.egress.findMany({
    where: { fingerprint: { in: prints.filter((it) => it !== null) } },
    select: { id: true, fingerprint: true },
  });
  const ids = new Map(known.map((it) => [it.fingerprint, it.id]));
  return {
    format,
    problem,
    entries: entries.map((it, n) => ({
      ...it,
      duplicateOf: ids.get(prints[n] ?? '') ?? null,
    })),
  };
}

export async function importEntries(
  parts: EgressParts,
  identity: Identity,
  input: { text: string; lines: number[] },
): Promise<EgressView[]> {
  requireAdmin(identity);
  const { entries, problem } = await readEgresses(input.text);
  if (problem !== null) throw new AppError('invalid_input', problem, { field: 'text' });
  const chosen = [...new Set(input.lines)].map((line) => {
    const entry = entries.find((it) => it.line === line);
    if (entry?.config) return { label: entry.label, config: entry.config };
    const why = entry?.problem ?? 'there is no way out';
    throw new AppError('invalid_input', `Line ${line}: ${why}`, { field: 'lines' });
  });
  const ids = await parts.db.$transaction(async (tx) => {
    const made: string[] = [];
    for (const it of chosen) {
      const settings = { ...it, expectedAddress: null, dns: null, proof: null };
      const by = { actor: actorOf(identity), createdById: identity.userId };
      made.push(await insertEgress(parts, tx, { ...by, input: settings }));
    }
    return made;
  });
  parts.live.flush();
  return Promise.all(ids.map((id) => viewOf(parts, id)));
}

export async function exportText(
  parts: EgressParts,
  identity: Identity,
  input: { id: string; format: ExportFormat },
): Promise<{ text: string }> {
  requireAdmin(identity);
  const row = await readEgress(parts.db, input.id);
  const text = exportEgress(parts.secrets.open(row.config), row.label, input.format);
  await parts.audit.record(parts.db, {
    type: 'egress.exported',
    actor: actorOf(identity),
    target: { type: 'egress', id: row.id, name: row.label },
    message: `Exported the way out ${row.label} with its secrets`,
    after: { format: input.format },
  });
  return { text };
}
