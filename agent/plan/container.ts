/** Pure decisions: from the desired state of a sandbox to Docker options, nft text and sing-box JSON. */
import type Docker from 'dockerode';
import type { SandboxLimits, SandboxSpec } from '../../shared/agent-api';
import {
  containerName,
  homeVolumeName,
  LABEL_GENERATION,
  LABEL_INSTANCE,
  LABEL_SANDBOX,
  SANDBOX_HOME,
} from '../../shared/names';
import { SANDBOX_RESOLVER } from './ranges';
import { SANDBOX_SYSCTLS } from './sysctls';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
/** How long PID 1 may take to end its children before Docker kills it; Claude saves its transcript in far less. */
export const STOP_GRACE_SECONDS = 8;
/** Chromium keeps its frames in /dev/shm and dies with Docker's default of 64 MiB. It counts as memory. */
const SHM_MAX_BYTES = 1024 * MiB;
/** Soft limit: what programs see. Hard: what they may raise it to (Docker's own value on most systems). */
export const OPEN_FILES = { soft: 65_536, hard: 524_288 };
/** What PID 1 prints is small; a broken init must not fill the host's disk. */
const LOG_OPTIONS = { 'max-size': '1m', 'max-file': '2' };
/** /run holds sockets and pid files only. */
const RUN_TMPFS = 'rw,nosuid,nodev,mode=755,size=64m';

/**
 * resolv.conf(5). `single-request`: libc asks for AAAA after the answer for A. At once, by one socket, the second question
 * of a socket is now and then lost in sing-box (sing 0.7.13, udpnat2: what comes while the handler is set is put aside
 * and never looked at), most often a sandbox's first. Whatever is lost is asked for again after 2 s, not 5.
 */
const RESOLVER_OPTIONS = ['single-request', 'timeout:2', 'attempts:5'];

/** Limits in Docker's words; the same keys are accepted by create and by a live update. */
export function resources(limits: SandboxLimits) {
  const memory = limits.memoryMb * MiB;
  return {
    Memory: memory,
    // Equal to Memory: no swap on top (the field means memory plus swap).
    MemorySwap: memory,
    NanoCpus: Math.round(limits.cpus * 1e9),
    PidsLimit: limits.pids,
  };
}

export interface ContainerFacts {
  instance: string;
  spec: SandboxSpec;
  /** What Docker's limit of the disk counts besides what is written there, or null where the driver has no limit. */
  diskUsed: number | null;
  /** Open files the host lets its own processes have: a container that asks for more may not start. */
  openFilesMax: number;
}

export function containerOptions(facts: ContainerFacts): Docker.ContainerCreateOptions {
  const { instance, spec } = facts;
  const { diskGb } = spec.limits;
  const diskBytes = facts.diskUsed === null || diskGb === null ? null : facts.diskUsed + diskGb * GiB;
  return {
    name: containerName(instance, spec.id),
    Image: spec.image,
    Hostname: spec.hostname,
    Env: [`TZ=${spec.timezone}`, `LANG=${spec.locale}`],
    Labels: labels(instance, spec.id, spec.generation),
    StopTimeout: STOP_GRACE_SECONDS,
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    OpenStdin: false,
    Tty: false,
    HostConfig: {
      // No link but lo: the tun is made from outside, after the rules.
      NetworkMode: 'none',
      Dns: [SANDBOX_RESOLVER],
      DnsOptions: RESOLVER_OPTIONS,
      DnsSearch: ['.'],
      Sysctls: { ...SANDBOX_SYSCTLS },
      CapDrop: ['NET_RAW', 'MKNOD'],
      Privileged: false,
      SecurityOpt: spec.sudo ? [] : ['no-new-privileges'],
      IpcMode: 'private',
      // The image brings its own tini.
      Init: false,
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      ...resources(spec.limits),
      ShmSize: Math.min(SHM_MAX_BYTES, (spec.limits.memoryMb * MiB) / 2),
      Ulimits: [
        {
          Name: 'nofile',
          Soft: Math.min(OPEN_FILES.soft, facts.openFilesMax),
          Hard: Math.min(OPEN_FILES.hard, facts.openFilesMax),
        },
      ],
      LogConfig: { Type: 'json-file', Config: LOG_OPTIONS },
      Tmpfs: { '/run': RUN_TMPFS },
      Mounts: [
        { Type: 'volume', Source: homeVolumeName(instance, spec.id), Target: SANDBOX_HOME, ReadOnly: false },
      ],
      ...(diskBytes !== null && { StorageOpt: { size: String(diskBytes) } }),
    },
  };
}

export function volumeOptions(instance: string, sandbox: string): Docker.VolumeCreateOptions {
  return {
    Name: homeVolumeName(instance, sandbox),
    Driver: 'local',
    Labels: { [LABEL_INSTANCE]: instance, [LABEL_SANDBOX]: sandbox },
  };
}

function labels(instance: string, sandbox: string, generation: number): Record<string, string> {
  return {
    [LABEL_INSTANCE]: instance,
    [LABEL_SANDBOX]: sandbox,
    [LABEL_GENERATION]: String(generation),
  };
}
