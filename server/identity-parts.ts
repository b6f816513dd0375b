/** The part of the composition that knows who asks: keys, cookies, log-in. */
import { createHmac } from 'node:crypto';
import type { Logger } from 'pino';
import { peerOf } from './auth/client-address';
import { cookieNames, sessionCookie } from './auth/cookies';
import { createIdentify, type Identify, userAgentOf } from './auth/identity';
import { createKeyRing, type KeyRing } from './auth/key-ring';
import { createNextAuth } from './auth/next-auth';
import type { Passwords } from './auth/password';
import { createSecretBox } from './auth/secret-box';
import { createSignIn } from './auth/sign-in';
import { createThrottle, type Throttle } from './auth/throttle';
import { type Config, trustOurHostHeader } from './config';
import type { Audit, Db, OpenSockets } from './contracts';
import type { RestAuth } from './rest/auth';

export interface IdentityParts {
  ring: KeyRing;
  identify: Identify;
  throttle: Throttle;
  nextAuth: ReturnType<typeof createNextAuth>;
  /** Log-in and log-out over REST. */
  restAuth: RestAuth;
}

export function buildIdentity(options: {
  db: Db;
  audit: Audit;
  log: Logger;
  sockets: OpenSockets;
  passwords: Passwords;
  masterKey: Buffer;
  /** Of this gateway: cookies ignore ports, so their names tell gateways of one machine apart. */
  instance: string;
  trusted: Parameters<typeof peerOf>[1];
  scheme: Config['baseScheme'];
}): IdentityParts {
  const { db, audit, log, sockets, passwords, masterKey, trusted, scheme } = options;
  const secure = scheme === 'https';
  const names = cookieNames(options.instance, secure);
  const ring = createKeyRing({ db, box: createSecretBox(masterKey) });
  const throttle = createThrottle({ db });
  const signIn = createSignIn({ db, ring, passwords, throttle, audit, sockets });
  trustOurHostHeader();
  const secret = createHmac('sha256', masterKey).update('next-auth.v1').digest('hex');
  return {
    ring,
    throttle,
    identify: createIdentify({ db, ring, cookie: names.session }),
    nextAuth: createNextAuth({ signIn, ring, names, secret, secure, log }),
    restAuth: {
      async login({ incoming }, input) {
        const { address } = peerOf(incoming, trusted, scheme);
        const signedIn = await signIn.signIn(input, { address, userAgent: userAgentOf(incoming) });
        return { setCookie: sessionCookie(names.session, await signIn.token(signedIn), secure) };
      },
      async logout(_bindings, identity) {
        await signIn.signOut(identity);
        return { setCookie: sessionCookie(names.session, '', secure) };
      },
    },
  };
}
