// Adds up the test counts of several vitest runs and of the stages around them. Pure.

/** One vitest JSON report -> {passed, failed, skipped}. A file that failed to load counts as one failed test. */
export function countReport(report) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report.testResults ?? []) {
    let failedHere = 0;
    for (const test of file.assertionResults ?? []) {
      if (test.status === 'passed') counts.passed += 1;
      else if (test.status === 'failed') failedHere += 1;
      else counts.skipped += 1;
    }
    if (file.status === 'failed' && failedHere === 0) failedHere = 1;
    counts.failed += failedHere;
  }
  return counts;
}

export function addCounts(list) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const it of list) for (const key of Object.keys(sum)) sum[key] += it[key];
  return sum;
}

export const summaryLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;
