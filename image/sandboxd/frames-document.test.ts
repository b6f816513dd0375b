// docs/frames.md names every kind with its data, as the schema has them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { frameData, frameKinds } from '../../shared/frames';

const path = join(import.meta.dirname, '../../docs/frames.md');
const MARK = /(<!-- kinds: .*-->\n)[\s\S]*$/;

interface JsonSchema {
  type?: string;
  const?: unknown;
  enum?: string[];
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return schema.enum.map((it) => `\`${it}\``).join(' ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`;
  if (schema.type === 'object') return `{${Object.keys(schema.properties ?? {}).join(', ')}}`;
  return schema.type ?? 'anything';
}

function rows(kind: string, schema: JsonSchema): string[] {
  return Object.entries(schema.properties ?? {}).map(([name, it]) => {
    const field = `\`${name}\`${schema.required?.includes(name) ? '' : ' ?'}`;
    return `| \`${kind}\` | ${field} | ${typeOf(it)} | ${it.description ?? ''} |`;
  });
}

test('the table of kinds is the schema', async () => {
  const lines = frameKinds.flatMap((kind) => {
    // Draft 2020-12, of which the shape above names what zod writes.
    const schema = z.toJSONSchema(frameData[kind]) as JsonSchema;
    const variants = schema.oneOf ?? schema.anyOf ?? [schema];
    return variants.flatMap((it) => rows(kind, it));
  });
  const table = ['', '| kind | data | type | meaning |', '| --- | --- | --- | --- |', ...lines, ''].join(
    '\n',
  );
  const text = readFileSync(path, 'utf8');
  const wanted = text.replace(MARK, (_all, mark: string) => mark + table);
  await expect(wanted).toMatchFileSnapshot(path);
});
