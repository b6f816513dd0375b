import type { EgressTransport } from '../../../shared/egress-transport';
import type { SingBoxObject } from './dial';

/**
 * The V2Ray transport, null for plain TCP. `name` stands in for a missing host: sing-box would take `server`,
 * which may be a pinned address that a virtual host does not know.
 */
export function transportObject(transport: EgressTransport, name: string): SingBoxObject | null {
  switch (transport.type) {
    case 'tcp':
      return null;
    case 'ws':
      return {
        type: 'ws',
        path: transport.path,
        headers: { Host: transport.host ?? name },
        ...(transport.earlyData > 0 && { max_early_data: transport.earlyData }),
        ...(transport.earlyDataHeader !== '' && { early_data_header_name: transport.earlyDataHeader }),
      };
    case 'grpc':
      return { type: 'grpc', service_name: transport.serviceName };
    case 'http':
      return {
        type: 'http',
        path: transport.path,
        host: transport.hosts.length > 0 ? transport.hosts : [name],
      };
    case 'httpupgrade':
      return { type: 'httpupgrade', path: transport.path, host: transport.host ?? name };
    case 'quic':
      return { type: 'quic' };
  }
}
