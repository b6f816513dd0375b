'use client';

import { Button } from '../ui/button';
import { CopyText } from '../ui/copy-button';
import { cx } from '../ui/cx';
import { CodeText } from './code-block';
import { useFold } from './folds';
import { languageOf } from './highlight';
import { changedLines, type Hunk, unifiedDiff } from './tool-parts';

/** Lines of a change that are shown before somebody asks for the rest. */
const LINES_SHOWN = 40;

interface Line {
  sign: string;
  text: string;
  old: number | null;
  fresh: number | null;
  /** First of its hunk, with something left out before it. */
  skips: boolean;
}

function numbered(hunks: readonly Hunk[]): Line[] {
  return hunks.flatMap((hunk, at) => {
    let old = hunk.oldStart;
    let fresh = hunk.newStart;
    return hunk.lines
      .filter((it) => !it.startsWith('\\'))
      .map((line, index): Line => {
        const sign = line.charAt(0);
        const known = hunk.newStart > 0;
        return {
          sign,
          text: line.slice(1),
          old: known && sign !== '+' ? old++ : null,
          fresh: known && sign !== '-' ? fresh++ : null,
          skips: at > 0 && index === 0,
        };
      });
  });
}

/** A change of a file, line by line. `+` and `-` stand as text, not as colour alone. */
export function DiffView({ id, path, hunks }: { id: string; path: string; hunks: readonly Hunk[] }) {
  const [open, toggle] = useFold(`${id}-diff`, false);
  const lines = numbered(hunks);
  const shown = open ? lines : lines.slice(0, LINES_SHOWN);
  const { added, removed } = changedLines(hunks);
  const language = languageOf(path);
  const withNumbers = hunks.some((it) => it.newStart > 0);
  return (
    <div>
      <div className="flex h-7 items-center gap-2 border-b pr-1 pl-3 text-2xs">
        <span className="text-good">+{added}</span>
        <span className="text-bad">−{removed}</span>
        <span className="flex-1" />
        <CopyText text={() => unifiedDiff(path, hunks)} label="Copy the diff" />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <div className="driver-code overflow-x-auto font-mono text-xs leading-5" tabIndex={0}>
        <table className="w-full border-collapse" aria-label={`Changes in ${path || 'the file'}`}>
          <tbody>
            {shown.map((line, at) => (
              <tr
                // biome-ignore lint/suspicious/noArrayIndexKey: lines of one change, in their order
                key={at}
                className={cx(
                  line.sign === '+' && 'bg-good-soft',
                  line.sign === '-' && 'bg-bad-soft',
                  line.skips && 'border-t border-dashed',
                )}
              >
                {withNumbers && (
                  <td className="w-1 select-none whitespace-nowrap px-2 text-right text-ink-faint">
                    {line.fresh ?? line.old}
                  </td>
                )}
                <td
                  className={cx(
                    'w-1 select-none pl-2',
                    line.sign === '+' && 'text-good',
                    line.sign === '-' && 'text-bad',
                  )}
                >
                  {line.sign}
                </td>
                <td className="whitespace-pre py-0 pr-3 pl-1">
                  <CodeText code={line.text} language={language} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {lines.length > LINES_SHOWN && (
        <Button
          look="ghost"
          size="sm"
          className="h-6 w-full rounded-none text-2xs"
          onClick={toggle}
          aria-expanded={open}
        >
          {open ? 'Show less' : `Show all ${lines.length.toLocaleString()} lines`}
        </Button>
      )}
    </div>
  );
}
