/** Where a Claude session gets its answers from, as people see and set it. Secrets go in and never come out. */
import { z } from 'zod';
import { modelSchema } from './sandboxd-api';

/**
 * gateway       the key in the gateway's environment; built in, for everybody, only when there is one
 * subscription  Claude's own log-in, kept in the sandbox's home; built in
 * api_key       an Anthropic API key
 * oauth_token   a long-lived token of `claude setup-token`
 * compatible    another host that speaks Anthropic's API
 */
export const providerKinds = ['gateway', 'subscription', 'api_key', 'oauth_token', 'compatible'] as const;
export const providerKindSchema = z.enum(providerKinds);
export type ProviderKind = z.output<typeof providerKindSchema>;
/** The kinds that people add; the others are there by themselves, with their kind as id. */
export const ownProviderKinds = ['api_key', 'oauth_token', 'compatible'] as const;

/** Identities side by side of one person. */
export const PROVIDERS_PER_USER = 20;
/** A probe waits this long for the whole answer. */
export const PROVIDER_PROBE_MS = 20_000;
const LABEL_MAX_CHARS = 64;
const MAPPED_MODELS_MAX = 50;

const label = z.string().trim().min(1, 'A label is needed.').max(LABEL_MAX_CHARS);
const secret = z
  .string()
  .trim()
  .min(8, 'This key is too short.')
  .max(4096)
  .regex(/^[\x21-\x7e]+$/, 'A key has no spaces and no line ends.');
const baseUrl = z
  .string()
  .trim()
  .max(2048)
  .refine(
    (it) => /^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/i.test(it),
    'Give an address such as https://host/path.',
  )
  .transform((it) => it.replace(/\/+$/, ''));
/** What Claude Code asks for to what the host calls it; `*` stands for all that are not named. */
const modelMap = z
  .record(z.union([modelSchema, z.literal('*')]), z.string().trim().min(1).max(128))
  .refine((it) => Object.keys(it).length <= MAPPED_MODELS_MAX, 'Too many models.');

export const createProviderSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('api_key'), label, secret, shared: z.boolean().default(false) }),
  z.object({ kind: z.literal('oauth_token'), label, secret, shared: z.boolean().default(false) }),
  z.object({
    kind: z.literal('compatible'),
    label,
    secret,
    shared: z.boolean().default(false),
    baseUrl,
    /** Which header carries the key. */
    auth: z.enum(['x-api-key', 'bearer']).default('bearer'),
    modelMap: modelMap.default({}),
  }),
]);
/** What is absent stays. The kind stays: make another one instead. */
export const updateProviderSchema = z.object({
  id: z.string(),
  label: label.optional(),
  secret: secret.optional(),
  shared: z.boolean().optional(),
  baseUrl: baseUrl.optional(),
  auth: z.enum(['x-api-key', 'bearer']).optional(),
  modelMap: modelMap.optional(),
});

export const providerRefSchema = z.object({ id: z.string(), kind: providerKindSchema, label: z.string() });
export type ProviderRef = z.output<typeof providerRefSchema>;

export const providerViewSchema = providerRefSchema.extend({
  builtIn: z.boolean(),
  /** Sessions that name none use it. */
  isDefault: z.boolean(),
  /** Everybody may choose it; set by administrators. */
  shared: z.boolean(),
  mine: z.boolean(),
  /** The end of the key, to tell keys apart. */
  hint: z.string().nullable(),
  baseUrl: z.string().nullable(),
  auth: z.enum(['x-api-key', 'bearer']).nullable(),
  modelMap: z.record(z.string(), z.string()),
  /** Open sessions with it that the viewer may see. */
  sessions: z.int(),
  lastUsedAt: z.string().nullable(),
  createdAt: z.string().nullable(),
});
export type ProviderView = z.output<typeof providerViewSchema>;

/** One small request to the provider, as it was made. */
export const providerProbeSchema = z.object({
  ok: z.boolean(),
  /** In words; what to do when it is not ok. */
  message: z.string(),
  request: z.object({
    method: z.string(),
    url: z.string(),
    /** Credentials masked. */
    headers: z.array(z.tuple([z.string(), z.string()])),
    body: z.string(),
  }),
  /** Null: no answer came. */
  answer: z.object({ status: z.int(), body: z.string() }).nullable(),
  durationMs: z.number(),
});
export type ProviderProbe = z.output<typeof providerProbeSchema>;

/** A log-in of Claude's own in a sandbox: starting -> url -> checking -> done; any -> failed, canceled. */
export const loginViewSchema = z.object({
  stage: z.enum(['none', 'starting', 'url', 'checking', 'done', 'failed', 'canceled']),
  /** Where the person goes; from stage `url` on. */
  url: z.string().nullable(),
  /** What went wrong or what to do, for people. */
  message: z.string().nullable(),
  /** Of `claude auth status`. */
  account: z
    .object({ method: z.string(), email: z.string().nullable(), subscription: z.string().nullable() })
    .nullable(),
  startedAt: z.string().nullable(),
  expiresAt: z.string().nullable(),
});
export type LoginView = z.output<typeof loginViewSchema>;
/** The whole log-in, from its start to the code. */
export const LOGIN_MAX_MS = 10 * 60_000;
/** As the page shows it: `CODE#STATE`, possibly with line ends where it was copied. */
export const loginCodeSchema = z.string().trim().min(1, 'Paste the code.').max(4096);
