import type { Failure } from '../api/failure';

/** A refusal inside a paragraph, such as the text of a dialog that asks. */
export function Refused({ failure }: { failure: Failure }) {
  return (
    <span role="alert" className="block rounded-lg bg-bad-soft px-3.5 py-2.5 text-bad">
      <strong className="font-semibold">{failure.title}</strong> {failure.next}
    </span>
  );
}
