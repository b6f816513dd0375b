import type { Surroundings } from '../plan/surroundings';
import { run } from './run';

/** Docker's, other container engines' and virtual machines' links, by the names they give them. */
const BRIDGE = /^(docker|br-|cni|podman|virbr|lxc|veth|flannel|cali)/;

interface Route {
  dst: string;
  dev?: string;
  scope?: string;
  gateway?: string;
  nexthops?: { gateway?: string; dev?: string }[];
}

/** As the kernel has it now; each list sorted and without repetition. */
export async function hostSurroundings(): Promise<Surroundings> {
  const [addresses, table] = await Promise.all([
    run(['ip', '-j', '-4', 'addr', 'show']),
    run(['ip', '-j', '-4', 'route', 'show', 'table', 'main']),
  ]);
  // Both shapes are iproute2's own.
  const links = JSON.parse(addresses.stdout) as { addr_info?: { local: string }[] }[];
  const routes = JSON.parse(table.stdout) as Route[];
  const ways = routes.filter((it) => it.dst === 'default').flatMap((it) => [it, ...(it.nexthops ?? [])]);
  const uplinks = new Set(ways.map((it) => it.dev));
  const subnets = routes.filter((it) => it.scope === 'link' && it.dst.includes('/'));
  return {
    own: sorted(
      links
        .flatMap((it) => (it.addr_info ?? []).map((address) => address.local))
        .filter((it) => !it.startsWith('127.')),
    ),
    routers: sorted(ways.flatMap((it) => it.gateway ?? [])),
    lan: sorted(subnets.filter((it) => uplinks.has(it.dev)).map((it) => it.dst)),
    bridges: sorted(subnets.filter((it) => BRIDGE.test(it.dev ?? '')).map((it) => it.dst)),
  };
}
const sorted = (all: readonly string[]): string[] => [...new Set(all)].sort();
