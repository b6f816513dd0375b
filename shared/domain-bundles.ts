/** Names that belong together for one purpose, with the hosts that the first ones redirect to. */
import type { DomainBundle, DomainRule } from './network-policy';

const domain = (value: string): DomainRule => ({ type: 'domain', value });
const suffix = (value: string): DomainRule => ({ type: 'suffix', value });

/**
 * Hosts where anybody can store things under a common name (object stores, CDNs) are named one by one, never as
 * a suffix: they would be a way out for data.
 */
const bundles: Record<DomainBundle, readonly DomainRule[]> = {
  npm: [
    suffix('npmjs.org'),
    suffix('npmjs.com'),
    domain('registry.yarnpkg.com'),
    domain('repo.yarnpkg.com'),
    // node-gyp fetches Node's headers.
    domain('nodejs.org'),
  ],
  pypi: [suffix('pypi.org'), suffix('pythonhosted.org'), domain('bootstrap.pypa.io')],
  apt: [
    // deb.debian.org sends on to names of CDNs below itself.
    suffix('deb.debian.org'),
    suffix('security.debian.org'),
    suffix('ftp.debian.org'),
    domain('snapshot.debian.org'),
    // Country mirrors are xx.archive.ubuntu.com.
    suffix('archive.ubuntu.com'),
    domain('security.ubuntu.com'),
    domain('ports.ubuntu.com'),
    domain('keyserver.ubuntu.com'),
    domain('ppa.launchpadcontent.net'),
  ],
  go: [
    suffix('golang.org'),
    suffix('go.dev'),
    // go.dev/dl redirects there.
    domain('dl.google.com'),
  ],
  crates: [suffix('crates.io'), domain('static.rust-lang.org'), domain('sh.rustup.rs')],
  github: [
    suffix('github.com'),
    // raw, objects, release-assets, avatars, pkg-containers.
    suffix('githubusercontent.com'),
    suffix('githubassets.com'),
    domain('ghcr.io'),
    // Large files (LFS) and older release assets.
    domain('github-cloud.s3.amazonaws.com'),
    domain('github-production-release-asset-2e65be.s3.amazonaws.com'),
  ],
  anthropic: [
    // api, console, statsig, mcp-proxy.
    suffix('anthropic.com'),
    // Log-in and downloads of Claude Code.
    suffix('claude.ai'),
    // platform.claude.com (log-in by key), code.claude.com.
    suffix('claude.com'),
  ],
};

export function bundleRules(bundle: DomainBundle): readonly DomainRule[] {
  return bundles[bundle];
}
