import type { EgressOf } from '../../../shared/egress';
import { pluginOptions } from '../../../shared/egress-shadowsocks';
import { type Dial, dialled, type SingBoxObject } from './dial';

export function shadowsocksOutbound(egress: EgressOf<'shadowsocks'>, dial: Dial): SingBoxObject {
  return {
    ...dialled('shadowsocks', egress.port, dial),
    method: egress.method,
    password: egress.password,
    ...(egress.plugin !== null && { plugin: egress.plugin, plugin_opts: pluginText(egress) }),
    ...(egress.udpOverTcp && { udp_over_tcp: { enabled: true, version: 2 } }),
  };
}

/** v2ray-plugin takes `host` for the certificate's name as well, else `server`, which may be a pinned address. */
function pluginText(egress: EgressOf<'shadowsocks'>): string {
  const options = pluginOptions(egress.pluginOptions);
  const nameless = egress.plugin === 'v2ray-plugin' && options?.has('tls') && !options.has('host');
  return nameless ? `${egress.pluginOptions};host=${egress.server}` : egress.pluginOptions;
}
