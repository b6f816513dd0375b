// The order of test files: long ones first, so that none of them starts when the others are done.
import { BaseSequencer } from 'vitest/node';

/** By the time they take, longest first. A fresh clone has no times of an earlier run to go by. */
export const slowFiles = [
  'agent/leaks/suite.root.test.ts',
  'server/tasks/crash.root.test.ts',
  'agent/leaks/kinds.root.test.ts',
  'agent/gate.root.test.ts',
  'server/gateway/terminal.root.test.ts',
  'agent/policy.root.test.ts',
  'agent/restart.root.test.ts',
  'agent/egress-test/egress-test.root.test.ts',
  'server/network.root.test.ts',
  'agent/network.root.test.ts',
  'agent/leaks/exit.root.test.ts',
  'server/tasks/network.test.ts',
  'server/tasks/crash.test.ts',
  'server/tasks/engine.test.ts',
  'server/http/edge.test.ts',
  'server/egress/import/fuzz.test.ts',
  'components/terminal/terminal-socket.test.ts',
  'e2e/egress.spec.ts',
  'e2e/app.spec.ts',
  'e2e/driver.spec.ts',
  'e2e/lifecycle.spec.ts',
  'e2e/workbench.spec.ts',
];

export class SlowFirst extends BaseSequencer {
  async sort(files) {
    const place = ({ moduleId }) => {
      const at = slowFiles.findIndex((path) => moduleId.endsWith(`/${path}`));
      return at < 0 ? slowFiles.length : at;
    };
    // A stable sort: the rest keep the order that vitest gives them.
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}
