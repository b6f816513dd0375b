import type { Egress } from '../../../shared/egress';
import { endpointOf, type Link, percentDecoded, splitLink } from './link-parts';
import { refuse } from './problem';
import { checked, flag, fromBase64 } from './values';

/**
 * SIP002:  ss://base64(method:password)@host:port/?plugin=name%3Boptions
 * SIP022:  ss://2022-method:percent-encoded-password@host:port
 * Legacy:  ss://base64(method:password@host:port)
 */
export function shadowsocksLink(link: Link): Egress {
  if (link.user === null) return legacy(link);
  const plain = link.user.includes(':') ? percentDecoded(link.user, 'password') : null;
  return built(plain ?? fromBase64(percentDecoded(link.user, 'password')) ?? unreadable(), link);
}

function legacy(link: Link): Egress {
  const decoded = fromBase64(link.body.replace(/\/$/, '')) ?? unreadable();
  const at = decoded.lastIndexOf('@');
  if (at < 0) return unreadable();
  // Nothing in it is percent-encoded, and the password may hold any character.
  const server = splitLink(`ss://${decoded.slice(at + 1)}`);
  return built(decoded.slice(0, at), { ...server, query: link.query });
}

function built(account: string, link: Link): Egress {
  const colon = account.indexOf(':');
  if (colon < 0) return unreadable();
  const { query } = link;
  return checked({
    kind: 'shadowsocks',
    ...endpointOf(link),
    method: methodOf(account.slice(0, colon)),
    password: account.slice(colon + 1),
    ...pluginOf(query.get('plugin')),
    udpOverTcp: flag(query.get('uot', 'udp-over-tcp'), 'uot'),
  });
}

/** Older clients leave out the `ietf`, meaning the same cipher. */
export function methodOf(method: string): string {
  const plain = method.toLowerCase();
  if (plain === 'chacha20-poly1305') return 'chacha20-ietf-poly1305';
  if (plain === 'xchacha20-poly1305') return 'xchacha20-ietf-poly1305';
  return plain;
}

const PLUGINS: Record<string, string> = {
  'obfs-local': 'obfs-local',
  'simple-obfs': 'obfs-local',
  obfs: 'obfs-local',
  'v2ray-plugin': 'v2ray-plugin',
};
export function pluginName(name: string): string {
  return PLUGINS[name] ?? refuse('plugin: only obfs-local and v2ray-plugin are supported.');
}
function pluginOf(value: string | null) {
  if (value === null) return { plugin: null };
  const semicolon = value.indexOf(';');
  const name = semicolon < 0 ? value : value.slice(0, semicolon);
  return { plugin: pluginName(name), pluginOptions: semicolon < 0 ? '' : value.slice(semicolon + 1) };
}

function unreadable(): never {
  return refuse('The part after ss:// is neither method:password@server:port nor base64 of it.');
}
