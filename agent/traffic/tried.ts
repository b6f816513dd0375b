import { z } from 'zod';

/** One destination that the sandbox tried to reach. */
export interface Tried {
  address: string;
  network: 'tcp' | 'udp';
  port: number;
  /** Since the rules were loaded or the destination was forgotten. */
  packets: number;
}

/** As libnftables-json(5) prints elements of `ipv4_addr . inet_proto . inet_service` with a counter. */
const elementSchema = z.object({
  elem: z.object({
    val: z.object({ concat: z.tuple([z.string(), z.union([z.string(), z.number()]), z.number()]) }),
    counter: z.object({ packets: z.number() }),
  }),
});
const listingSchema = z.object({
  nftables: z.array(z.object({ set: z.object({ elem: z.array(z.unknown()).default([]) }).optional() })),
});

/** From the JSON of `nft list set`; elements of another shape are left out. Throws when it is no such listing. */
export function triedOf(json: string): Tried[] {
  const elements = listingSchema.parse(JSON.parse(json)).nftables.flatMap((it) => it.set?.elem ?? []);
  return elements.flatMap((element) => {
    const parsed = elementSchema.safeParse(element);
    if (!parsed.success) return [];
    const { val, counter } = parsed.data.elem;
    const [address, protocol, port] = val.concat;
    const network = networkOf(protocol);
    return network === null ? [] : [{ address, network, port, packets: counter.packets }];
  });
}

/** nft prints a protocol by name or, with --numeric, by number. */
export function networkOf(protocol: string | number): 'tcp' | 'udp' | null {
  if (protocol === 'tcp' || protocol === 6) return 'tcp';
  return protocol === 'udp' || protocol === 17 ? 'udp' : null;
}
