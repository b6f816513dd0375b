import type { NextConfig } from 'next';

const config: NextConfig = {
  reactStrictMode: true,
  poweredByHeader: false,
  /** The gateway compresses nothing either: a proxy in front does that, and SSE must not be held back. */
  compress: false,
  turbopack: { root: import.meta.dirname },
  typescript: { tsconfigPath: 'app/tsconfig.json' },
};

export default config;
