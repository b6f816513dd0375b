/** Where a frame's moment is in the terminal: nothing there bears a number, so it is found by what stood on it. */
import type { Frame } from '../../shared/frames';
import { onOneLine } from '../terminal/moment';
import { inputGist } from './gist';

/** Shorter words stand in too many places. */
const WORDS_MIN_CHARS = 3;

/** The whole block that a delta is a piece of, as far as it is here. */
function blockOf(data: { messageId: string; block: number }, frames: readonly Frame[]): string {
  return frames
    .flatMap((it) => (it.kind === 'text.delta' && it.data.role === 'assistant' ? [it.data] : []))
    .filter((it) => it.messageId === data.messageId && it.block === data.block)
    .map((it) => it.text)
    .join('');
}

function said(frame: Frame, frames: readonly Frame[]): string[] {
  switch (frame.kind) {
    case 'text.delta':
      return frame.data.role === 'user' ? [frame.data.text] : [blockOf(frame.data, frames)];
    case 'tool.use.start':
    case 'permission.request':
      return [inputGist(frame.data.input), frame.data.tool];
    case 'tool.use.result': {
      const { toolUseId } = frame.data;
      const start = frames.find((it) => it.kind === 'tool.use.start' && it.data.toolUseId === toolUseId);
      return [...(start ? said(start, frames) : []), frame.data.output];
    }
    case 'ask.question':
      return frame.data.questions.map((it) => it.question);
    default:
      return [];
  }
}

/** What to look for, the surest first: the frame's own words, then those of its turn's prompt. */
export function momentOf(frame: Frame, frames: readonly Frame[]): string[] {
  const prompt = frames.find(
    (it) =>
      it.kind === 'text.delta' && it.data.role === 'user' && it.turn === frame.turn && it.turn !== undefined,
  );
  const all = [...said(frame, frames), ...(prompt && prompt !== frame ? said(prompt, frames) : [])];
  return [...new Set(all.map(onOneLine).filter((it) => it.length >= WORDS_MIN_CHARS))];
}
