/**
 * Not TypeScript: Next would load its compiler into the running gateway to read it (25 MB).
 *
 * @type {import('next').NextConfig}
 */
const config = {
  reactStrictMode: true,
  poweredByHeader: false,
  /** The gateway compresses nothing either: a proxy in front does that, and SSE must not be held back. */
  compress: false,
  turbopack: { root: import.meta.dirname },
  typescript: { tsconfigPath: 'app/tsconfig.json' },
};

export default config;
