import { expect, test } from 'vitest';
import { hasProjectQuota } from './disk-quota';

const mounts = `/dev/vda1 / ext4 rw,relatime 0 0
/dev/vdb1 /var/lib/docker xfs rw,relatime,attr2,prjquota 0 0
/dev/vdc1 /var/lib/dockerish xfs rw,pquota 0 0
`;

test('the mount that holds the folder decides', () => {
  expect(hasProjectQuota(mounts, '/var/lib/docker')).toBe(true);
  expect(hasProjectQuota(mounts, '/var/lib/docker/overlay2')).toBe(true);
  expect(hasProjectQuota(mounts, '/var/lib/docker2')).toBe(false);
  expect(hasProjectQuota(mounts, '/srv/docker')).toBe(false);
});
