/** How the answers of a form become a configuration, and a stored one becomes answers. */
import { type Egress, type EgressKind, egressSchema } from '../../shared/egress';
import { type FieldSpec, type FieldValue, type FieldValues, isSecret } from './field-spec';
import { kindFields } from './kind-fields';

export function emptyValues(kind: EgressKind): FieldValues {
  return Object.fromEntries(
    kindFields[kind].map((it) => [it.path, it.initial ?? (it.type === 'switch' ? false : '')]),
  );
}

/** What a form shows of stored settings: secrets come as MASK and are shown as an empty box. */
export function valuesOf(kind: EgressKind, settings: Record<string, unknown>): FieldValues {
  const values = emptyValues(kind);
  for (const { path, type } of kindFields[kind]) {
    const value = path.split('.').reduce<unknown>(
      (it, part) =>
        typeof it === 'object' && it !== null ? (it as Record<string, unknown>)[part] : undefined, // an object
      settings,
    );
    if (path === 'tls') values.tls = value !== null && value !== undefined;
    else if (isSecret(path) || value === null || value === undefined) values[path] = '';
    else if (type === 'switch') values[path] = value === true;
    else if (Array.isArray(value)) values[path] = value.join(type === 'lines' ? '\n' : ',');
    else values[path] = String(value);
  }
  if (typeof settings.keyId === 'string') values.keyId = settings.keyId;
  return values;
}

function put(target: Record<string, unknown>, path: string, value: unknown): void {
  const [head = '', ...rest] = path.split('.');
  if (rest.length === 0) {
    target[head] = value;
    return;
  }
  const inner = target[head];
  const group: Record<string, unknown> =
    typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {}; // made by this function
  target[head] = group;
  put(group, rest.join('.'), value);
}

function parsed(field: FieldSpec, value: FieldValue): unknown {
  if (typeof value === 'boolean') return value;
  const text = (value ?? '').trim();
  const several = field.type === 'list' || field.path === 'hostKeys';
  if (several)
    return text
      .split(field.type === 'list' ? /[,\s]+/ : /\n/)
      .map((it) => it.trim())
      .filter(Boolean);
  if (text === '') return field.optional && field.whenEmpty !== 'default' ? null : undefined;
  // Whether it is a number is for the schema to say.
  if (field.type === 'number') return /^\d+$/.test(text) ? Number(text) : text;
  return isSecret(field.path) && typeof value === 'string' && field.type === 'secret' ? value : text;
}

/**
 * Answers as configuration, not judged yet. With the `stored` settings it is a change of them: an empty secret is left
 * out, so that it keeps its value, a null one is removed, and what the form does not ask stays in its group.
 */
export function configOf(
  kind: EgressKind,
  values: FieldValues,
  stored?: Record<string, unknown>,
): Record<string, unknown> {
  const config: Record<string, unknown> = stored ? {} : { kind };
  for (const field of kindFields[kind]) {
    if (field.when && !field.when(values)) continue;
    const { path } = field;
    const value = values[path] ?? null;
    if (path === 'tls') config.tls = value === true ? kept(stored?.tls) : null;
    else if (path === 'tls.reality.publicKey' && value === '') put(config, 'tls.reality', null);
    else if (stored && isSecret(path)) {
      if (value === null) config[path] = null;
      else if (value !== '') put(config, path, parsed(field, value));
    } else {
      if (stored && path === 'transport.type') config.transport = sameType(stored.transport, value);
      if (stored && path.startsWith('tls.')) config.tls ??= kept(stored.tls);
      const result = parsed(field, value);
      if (result !== undefined) put(config, path, result);
    }
  }
  if (kind === 'wireguard' && typeof values.keyId === 'string' && values.keyId !== '') {
    config.keyId = values.keyId;
    config.privateKey = null;
  }
  return config;
}

const kept = (group: unknown): Record<string, unknown> =>
  typeof group === 'object' && group !== null ? { ...group } : {};
/** Another carrier has other fields. */
function sameType(group: unknown, type: FieldValue): Record<string, unknown> {
  const before = kept(group);
  return before.type === type ? before : {};
}

/** Fields by path with a sentence each; `config` only when there is none. */
export function judgeConfig(config: Record<string, unknown>): {
  config: Egress | null;
  errors: Record<string, string>;
} {
  const result = egressSchema.safeParse(config);
  if (result.success) return { config: result.data, errors: {} };
  const errors: Record<string, string> = {};
  for (const issue of result.error.issues) {
    const path = issue.path.filter((it) => typeof it === 'string').join('.');
    errors[path] ??= sentence(issue, path);
  }
  return { config: null, errors };
}

/** Zod's own words for what is missing or no number speak of types; people fill in boxes. */
function sentence(
  issue: { code: string; message: string; minimum?: unknown; maximum?: unknown },
  path: string,
) {
  if (path === 'port') return 'A port is a number from 1 to 65535.';
  if (issue.code === 'invalid_type')
    return issue.message.includes('undefined') ? 'This is needed.' : 'This is not a number.';
  if (issue.code === 'too_small' && path === 'addresses') return 'At least one address is needed.';
  if (issue.code === 'too_small') return `At least ${String(issue.minimum)}.`;
  if (issue.code === 'too_big') return `At most ${String(issue.maximum)}.`;
  if (path === 'addresses') return 'An address has a length behind it, such as 10.7.0.2/32.';
  return issue.message;
}
