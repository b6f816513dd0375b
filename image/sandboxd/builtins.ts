/**
 * Modules of Node's that are asked for as they are. An ES import of one has all of its exports read, the lazy ones too:
 * node:http then loads undici (for its export WebSocket) and node:crypto all of Web Crypto, which together are 12 MB
 * that nobody uses here. A test looks at the bundle.
 */
export const { createServer, request: requestHttp } = process.getBuiltinModule('node:http');
export const { createHash, createHmac, randomUUID, timingSafeEqual } =
  process.getBuiltinModule('node:crypto');

/** At their first use: 5 MB that only Claude's own log-in and hooks over https need. */
export const tls = () => process.getBuiltinModule('node:tls');
export const https = () => process.getBuiltinModule('node:https');
