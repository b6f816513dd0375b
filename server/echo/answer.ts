import { isIPv4, isIPv6 } from 'node:net';
import packet, { type Answer, type DecodedPacket, type OptAnswer, type SoaAnswer } from 'dns-packet';

export interface EchoZone {
  /** Lower case, without a trailing dot. */
  zone: string;
  /** The name server's own name, outside the zone. */
  name: string;
}

/** A name is asked once. */
const ANSWER_TTL_SECONDS = 0;
const ZONE_TTL_SECONDS = 300;
/** RFC 6891; what fits through every path (DNS flag day 2020). Our answers are far smaller. */
const UDP_PAYLOAD = 1232;
/** RFC 1035 section 4.1.1 and RFC 6895. */
const CODES = { NOERROR: 0, FORMERR: 1, NOTIMP: 4, REFUSED: 5 } as const;
const FLAGS = { authoritative: 0x0400, recursionDesired: 0x0100 } as const;

/**
 * The answer to one message, or null for what gets none: what is no question (an answer to an answer would go on for
 * ever) or cannot be read. A and TXT of any name in the zone are the asker's address; all else is refused.
 */
export function answerTo(message: Buffer, asker: string, zone: EchoZone): Buffer | null {
  try {
    return answerToQuery(packet.decode(message), asker, zone);
  } catch {
    return null;
  }
}

function answerToQuery(query: DecodedPacket, asker: string, zone: EchoZone): Buffer | null {
  if (query.type !== 'query') return null;
  const answer = (code: keyof typeof CODES, parts: { answers?: Answer[]; authorities?: Answer[] } = {}) => {
    const authoritative = code === 'NOERROR' ? FLAGS.authoritative : 0;
    const opt = query.additionals?.some((it) => it.type === 'OPT') ?? false;
    return packet.encode({
      type: 'response',
      id: query.id,
      flags: ((query.flags ?? 0) & FLAGS.recursionDesired) | authoritative | CODES[code],
      questions: code === 'FORMERR' ? [] : query.questions,
      ...parts,
      additionals: opt ? [payloadSize] : [],
    });
  };
  if (opcodeOf(query) !== 0) return answer('NOTIMP');
  const [question, ...others] = query.questions ?? [];
  if (question === undefined || others.length > 0) return answer('FORMERR');
  // Bytes that are no text would not come back as they came.
  if (!/^[\x21-\x7e]*$/.test(question.name)) return answer('FORMERR');
  const name = question.name.toLowerCase();
  const within = name === zone.zone || name.endsWith(`.${zone.zone}`);
  // ANY, AXFR and the like are answered by nobody who cares what he sends to whom (RFC 8482).
  const type: string = question.type;
  if (!within || question.class !== 'IN' || type === 'ANY' || /^[AI]XFR$/.test(type))
    return answer('REFUSED');
  const answers = recordsOf({ name: question.name, type, apex: name === zone.zone }, asker, zone);
  return answer('NOERROR', answers.length > 0 ? { answers } : { authorities: [soa(zone)] });
}

/** Bits 11 to 14 of the flags (RFC 1035 section 4.1.1); 0 is a standard query. */
const opcodeOf = ({ flags = 0 }: DecodedPacket) => (flags >> 11) & 0xf;

function recordsOf(
  asked: { name: string; type: string; apex: boolean },
  asker: string,
  zone: EchoZone,
): Answer[] {
  const { name, type, apex } = asked;
  const ttl = ANSWER_TTL_SECONDS;
  if (type === 'A' && isIPv4(asker)) return [{ type: 'A', name, ttl, data: asker }];
  if (type === 'AAAA' && isIPv6(asker)) return [{ type: 'AAAA', name, ttl, data: asker }];
  if (type === 'TXT') return [{ type: 'TXT', name, ttl, data: asker }];
  if (type === 'NS' && apex) return [{ type: 'NS', name, ttl: ZONE_TTL_SECONDS, data: zone.name }];
  if (type === 'SOA' && apex) return [soa(zone)];
  return [];
}

/** RFC 1035 section 3.3.13; the last number is how long "there is no such record" may be kept (RFC 2308): not at all. */
function soa({ zone, name }: EchoZone): SoaAnswer {
  return {
    type: 'SOA',
    name: zone,
    ttl: ANSWER_TTL_SECONDS,
    data: {
      mname: name,
      rname: `hostmaster.${name}`,
      serial: 1,
      refresh: 3600,
      retry: 600,
      expire: 86_400,
      minimum: ANSWER_TTL_SECONDS,
    },
  };
}

const payloadSize: OptAnswer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: UDP_PAYLOAD,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};
