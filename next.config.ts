import type { NextConfig } from 'next';

const config: NextConfig = {
  reactStrictMode: true,
  poweredByHeader: false,
  /** The gateway compresses nothing either: a proxy in front does that, and SSE must not be held back. */
  compress: false,
  turbopack: { root: import.meta.dirname },
  // Types are checked by `npm run typecheck` and in `npm test`: whoever only starts the product need not wait for it.
  typescript: { tsconfigPath: 'app/tsconfig.json', ignoreBuildErrors: true },
};

export default config;
