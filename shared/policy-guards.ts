/** What no policy may say, and what should make its author think. Texts are shown to people. */
import { matchesDomain } from './domain-names';
import { contains, overlaps, type Range, rangeOf } from './ipv4-ranges';
import { type DomainRule, type Grant, LAN_RANGES, type NetworkPolicy } from './network-policy';

export interface GuardFacts {
  /** Servers of all egresses, names or IPv4 addresses: a grant of one would let a sandbox past its own egress. */
  endpoints: readonly string[];
  /** Ranges of this host's Docker networks and sandboxes, where they are known. */
  neighbours: readonly string[];
}
export interface GuardResult {
  /** Nothing may be applied while one is here. */
  problems: string[];
  warnings: string[];
}

/** Never granted, not even in part. */
const NEVER: readonly (readonly [string, string])[] = [
  ['0.0.0.0/8', 'this host (0.0.0.0/8)'],
  ['127.0.0.0/8', 'loopback (127.0.0.0/8)'],
  ['169.254.0.0/16', 'link-local and cloud metadata (169.254.0.0/16)'],
  ['168.63.129.16/32', "Azure's host agent (168.63.129.16)"],
  ['100.100.100.200/32', "Alibaba's metadata service (100.100.100.200)"],
  ['192.0.0.0/24', "protocol assignments and Oracle's metadata service (192.0.0.0/24)"],
  ['198.18.0.0/15', "the sandbox's own tunnel (198.18.0.0/15)"],
  ['224.0.0.0/4', 'multicast (224.0.0.0/4)'],
  ['240.0.0.0/4', 'reserved and broadcast (240.0.0.0/4)'],
];
/** Inside these a wide range is still somebody's own network. */
const PRIVATE = [...LAN_RANGES, '100.64.0.0/10'].map(rangeOf);
/** Public ranges wider than this belong to many. */
const PUBLIC_PREFIX_MIN = 16;
const PUBLIC_PREFIX_WARN = 24;
const KEYWORD_MIN_CHARS = 4;

/** Names that lead to loopback or to a metadata service. */
const NEVER_NAMES: readonly DomainRule[] = [
  ...['localhost', 'localdomain', 'metadata.google.internal', 'metadata.goog'].map(
    (value) => ({ type: 'suffix', value }) as const,
  ),
  { type: 'domain', value: 'instance-data.ec2.internal' },
];

/** Whether an address is one that is never granted, as one that a granted name turns out to mean. */
export function isNeverGranted(address: string): boolean {
  return NEVER.some(([text]) => overlaps(rangeOf(text), rangeOf(address)));
}

export function guardPolicy(policy: NetworkPolicy, facts: GuardFacts): GuardResult {
  const result: GuardResult = { problems: [], warnings: [] };
  for (const grant of policy.grants) guardGrant(grant, facts, result);
  if (policy.presets.includes('lan')) guardLan(facts, result);
  // Wide names in a deny-list only deny more than was meant, which is safe.
  const strict = policy.domains.mode !== 'deny-list';
  for (const rule of policy.domains.rules) {
    const complaint = tooBroad(rule);
    if (complaint) (strict ? result.problems : result.warnings).push(`${lineOf(rule)}: ${complaint}`);
    else if (isShort(rule)) result.warnings.push(`${lineOf(rule)}: so few letters are in many names.`);
  }
  if (
    policy.domains.mode === 'allow-list' &&
    policy.domains.rules.length + policy.domains.bundles.length === 0
  ) {
    result.warnings.push('Names: the allow-list is empty, so nothing but grants can be reached.');
  }
  return result;
}

/** As people see one entry of a policy. */
export function lineOf(entry: Grant | DomainRule): string {
  const words = {
    ip: 'Address',
    cidr: 'Range',
    domain: 'Name',
    suffix: 'Name and below',
    keyword: 'Names with',
  };
  return `${words[entry.type]} ${entry.value}`;
}

function guardGrant(grant: Grant, facts: GuardFacts, { problems, warnings }: GuardResult): void {
  const refuse = (why: string) => problems.push(`${lineOf(grant)}: ${why}`);
  if (grant.type === 'ip' || grant.type === 'cidr') {
    const range = rangeOf(grant.value);
    const why = refusedRange(range, facts);
    if (why !== null) refuse(why);
    else if (!PRIVATE.some((it) => contains(it, range)) && range.prefix < PUBLIC_PREFIX_WARN) {
      warnings.push(`${lineOf(grant)}: ${2 ** (32 - range.prefix)} public addresses leave past the egress.`);
    }
    return;
  }
  const broad = tooBroad(grant);
  if (broad) return void refuse(broad);
  if (NEVER_NAMES.some((never) => touches(grant, never))) {
    return void refuse('leads to loopback or a metadata service, which is never granted.');
  }
  if (facts.endpoints.some((it) => matchesDomain(grant, it))) {
    return void refuse('is the server of an egress; granted, a sandbox could go past its own egress.');
  }
  if (isShort(grant)) warnings.push(`${lineOf(grant)}: so few letters are in many names.`);
}

function refusedRange(range: Range, facts: GuardFacts): string | null {
  if (range.prefix === 0) return 'is everything.';
  const never = NEVER.find(([text]) => overlaps(rangeOf(text), range));
  if (never) return `holds ${never[1]}, which is never granted.`;
  if (!PRIVATE.some((it) => contains(it, range)) && range.prefix < PUBLIC_PREFIX_MIN) {
    return `is wider than /${PUBLIC_PREFIX_MIN}, the widest public range that can be granted.`;
  }
  const neighbour = facts.neighbours.find((it) => overlaps(rangeOf(it), range));
  if (neighbour) return `meets ${neighbour}, where other sandboxes or containers of this host are.`;
  if (endpointsIn([range], facts)) {
    return 'holds the server of an egress; granted, a sandbox could go past its own egress.';
  }
  return null;
}

function guardLan(facts: GuardFacts, result: GuardResult): void {
  if (endpointsIn(LAN_RANGES.map(rangeOf), facts)) {
    result.warnings.push(
      'Preset lan: the server of an egress is in a private range; grant the machines needed instead.',
    );
  }
}

function endpointsIn(ranges: readonly Range[], facts: GuardFacts): boolean {
  return facts.endpoints
    .filter((it) => /^\d+\.\d+\.\d+\.\d+$/.test(it))
    .some((it) => ranges.some((range) => contains(range, rangeOf(it))));
}

/** Whether a rule could be about some name that `never` is about. */
function touches(rule: DomainRule, never: DomainRule): boolean {
  return matchesDomain(rule, never.value) || (rule.type !== 'keyword' && matchesDomain(never, rule.value));
}

/** Under these anybody can have a name, so that a rule for all of them is a rule for everybody. */
const SHARED_SUFFIXES = new Set(
  (
    'github.io gitlab.io pages.dev workers.dev r2.dev vercel.app netlify.app herokuapp.com onrender.com fly.dev ' +
    'web.app firebaseapp.com appspot.com run.app cloudfunctions.net googleapis.com googleusercontent.com ' +
    'storage.googleapis.com cloudfront.net amazonaws.com s3.amazonaws.com elasticbeanstalk.com ' +
    'azurewebsites.net azureedge.net windows.net core.windows.net blob.core.windows.net cloudapp.azure.com ' +
    'fastly.net fastlydns.net akamaized.net b-cdn.net digitaloceanspaces.com ngrok.io ngrok.app ngrok-free.app ' +
    'trycloudflare.com blogspot.com duckdns.org ddns.net no-ip.org sslip.io nip.io'
  ).split(' '),
);
/** Second-level public suffixes of countries, such as co.uk and com.au. */
const COUNTRY_SUFFIX = /^(ac|co|com|edu|gob|gov|go|info|ltd|me|mil|ne|net|nom|or|org|plc|sch)\.[a-z]{2}$/;
/** Keywords that are in nearly every name. */
const COMMON_WORDS = new Set('com net org edu gov info www http https cloud'.split(' '));

function tooBroad(rule: DomainRule): string | null {
  const { type, value } = rule;
  if (type === 'keyword') {
    const core = value.replace(/^[.-]+|[.-]+$/g, '');
    if (core.length < KEYWORD_MIN_CHARS - 1) return `needs at least ${KEYWORD_MIN_CHARS} letters.`;
    return COMMON_WORDS.has(core) ? 'is in nearly every name.' : null;
  }
  if (/(^|\.)([0-9]+|0x[0-9a-f]*)$/.test(value)) return 'is an address; use a rule for addresses.';
  if (!value.includes('.')) return 'is a single word; a name has a dot, such as example.org.';
  if (type === 'suffix' && (COUNTRY_SUFFIX.test(value) || SHARED_SUFFIXES.has(value))) {
    return 'is shared by everybody; name the part that is meant, such as mine.example.org.';
  }
  return null;
}

function isShort(rule: DomainRule): boolean {
  return rule.type === 'keyword' && rule.value.replace(/[.-]/g, '').length < KEYWORD_MIN_CHARS;
}
