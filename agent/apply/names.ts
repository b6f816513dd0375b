import { lookup, Resolver } from 'node:dns/promises';

/** One try at one server; two tries. A start of a sandbox waits for it. */
const TRY_MS = 2_000;
const TRIES = 2;

export type ResolveName = (name: string) => Promise<string[]>;

/**
 * IPv4 addresses of names of ways out, asked on the host, sorted. First the configured name servers, then whatever
 * else the host knows (its hosts file, say). Throws when nobody knows one.
 */
export function createNameResolver(resolvers: readonly string[]): ResolveName {
  return async function resolve(name) {
    if (resolvers.length > 0) {
      const resolver = new Resolver({ timeout: TRY_MS, tries: TRIES });
      resolver.setServers([...resolvers]);
      const found = await resolver.resolve4(name).catch(() => []);
      if (found.length > 0) return sorted(found);
    }
    return sorted((await lookup(name, { family: 4, all: true })).map((it) => it.address));
  };
}
const sorted = (addresses: string[]) => [...new Set(addresses)].sort();
