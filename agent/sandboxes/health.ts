import type { AgentHealth } from '../../shared/agent-api';
import { AGENT_API_VERSION } from '../../shared/agent-api';
import { IMAGE_REPOSITORY, LABEL_CLAUDE_VERSION, LABEL_CONTENT_HASH } from '../../shared/names';
import type { DockerClient } from '../apply/docker';
import { run } from '../apply/run';

type Check = AgentHealth['checks'][number];

/** Programs do not change by the second, and the gateway asks often. */
const TOOLS_FRESH_MS = 60_000;
/** The dial field `netns` came with this version; ours dials with it. */
const SINGBOX_MIN = [1, 12] as const;
/** Accepted by sing-box only from SINGBOX_MIN on. For builds that do not know their version (`go install`). */
const SINGBOX_PROBE = JSON.stringify({ outbounds: [{ type: 'direct', netns: 'probe' }] });

export function createHealth(options: {
  instance: string;
  docker: DockerClient;
  resolvers: readonly string[];
}) {
  const startedAt = new Date().toISOString();
  let tools: { at: number; checks: Promise<Check[]> } | undefined;

  return async function health(asked: { image?: string | undefined }): Promise<AgentHealth> {
    if (!tools || Date.now() - tools.at > TOOLS_FRESH_MS) {
      tools = { at: Date.now(), checks: Promise.all([nftCheck(), ipCheck(), singBoxCheck()]) };
    }
    const [dockerResult, image, toolChecks] = await Promise.all([
      dockerCheck(options.docker),
      (asked.image === undefined
        ? newestImage(options.docker)
        : imageNamed(options.docker, asked.image)
      ).catch(() => null),
      tools.checks,
    ]);
    return {
      apiVersion: AGENT_API_VERSION,
      instance: options.instance,
      startedAt,
      checks: [dockerResult, ...toolChecks, resolverCheck(options.resolvers), imageCheck(image, asked.image)],
      proofKeys: [],
      image: { ref: image?.ref ?? null, claudeVersion: image?.claudeVersion ?? null },
    };
  };
}

async function dockerCheck(docker: DockerClient): Promise<Check> {
  try {
    const info: { ServerVersion: string; Driver: string; CgroupVersion?: string } = await docker.info();
    return {
      name: 'docker',
      ok: true,
      detail: `Docker ${info.ServerVersion}, storage ${info.Driver}, cgroup v${info.CgroupVersion ?? '1'}`,
      mend: null,
    };
  } catch (error) {
    return failed('docker', error, 'Install Docker Engine and start it: systemctl start docker');
  }
}

async function nftCheck(): Promise<Check> {
  return tool('nftables', ['nft', '--version'], 'Install nftables: apt-get install nftables');
}
async function ipCheck(): Promise<Check> {
  return tool('iproute2', ['ip', '-V'], 'Install iproute2: apt-get install iproute2');
}
async function tool(name: string, command: string[], mend: string): Promise<Check> {
  try {
    const { stdout } = await run(command);
    return { name, ok: true, detail: stdout.split('\n')[0]?.trim() ?? '', mend: null };
  } catch (error) {
    return failed(name, error, mend);
  }
}

async function singBoxCheck(): Promise<Check> {
  const mend = 'Install sing-box 1.12 or newer on PATH; `npm start` as root does it.';
  try {
    const { stdout } = await run(['sing-box', 'version']);
    const first = stdout.split('\n')[0]?.trim() ?? '';
    const version = /version (\d+)\.(\d+)/.exec(first);
    const [major, minor] = SINGBOX_MIN;
    const isNew = version
      ? Number(version[1]) > major || (Number(version[1]) === major && Number(version[2]) >= minor)
      : (await run(['sing-box', 'check', '-c', 'stdin'], { input: SINGBOX_PROBE, okCodes: [0, 1] })).code ===
        0;
    const detail = version ? first : `${first} (${isNew ? 'knows' : 'does not know'} what 1.12 brought)`;
    return { name: 'sing-box', ok: isNew, detail, mend: isNew ? null : mend };
  } catch (error) {
    return failed('sing-box', error, mend);
  }
}

function resolverCheck(resolvers: readonly string[]): Check {
  const ok = resolvers.length > 0;
  return {
    name: 'resolver',
    ok,
    detail: ok ? `Sandboxes resolve names through ${resolvers[0]}` : 'The host has no IPv4 name server',
    mend: ok ? null : 'Add a line `nameserver ADDRESS` to /etc/resolv.conf and restart the agent.',
  };
}

function imageCheck(image: { ref: string } | null, wanted: string | undefined): Check {
  return image
    ? { name: 'image', ok: true, detail: image.ref, mend: null }
    : {
        name: 'image',
        ok: false,
        detail:
          wanted === undefined
            ? 'There is no sandbox image on this machine'
            : `${wanted} is not on this machine`,
        mend: 'Run `npm start` once: it builds the image.',
      };
}

type Image = { ref: string; claudeVersion: string | null };

async function imageNamed(docker: DockerClient, ref: string): Promise<Image | null> {
  const image = await docker.imageInfo(ref);
  return image === null ? null : { ref, claudeVersion: image.Config.Labels?.[LABEL_CLAUDE_VERSION] ?? null };
}

export async function newestImage(docker: DockerClient): Promise<Image | null> {
  const images = await docker.images(LABEL_CONTENT_HASH);
  const ours = images
    .flatMap((it) => (it.RepoTags ?? []).map((ref) => ({ ref, it })))
    .filter(({ ref }) => ref.startsWith(`${IMAGE_REPOSITORY}:`))
    .sort((a, b) => b.it.Created - a.it.Created);
  const newest = ours[0];
  return newest ? { ref: newest.ref, claudeVersion: newest.it.Labels?.[LABEL_CLAUDE_VERSION] ?? null } : null;
}

function failed(name: string, error: unknown, mend: string): Check {
  return { name, ok: false, detail: error instanceof Error ? error.message : String(error), mend };
}
