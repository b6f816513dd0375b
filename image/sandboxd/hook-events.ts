/** Payloads of Claude Code's hooks, as far as we read them. Pure. */
import type { FrameData } from '../../shared/frames';
import { object, string } from './message-events';
import type { ToolResult } from './recorder';
import { textOf } from './transcript-lines';

export interface HookEvent {
  name: string;
  payload: Record<string, unknown>;
}

export function answerOf(
  name: 'PostToolUse' | 'PostToolUseFailure',
  payload: Record<string, unknown>,
): ToolResult {
  const failed = name === 'PostToolUseFailure';
  const durationMs = payload.duration_ms;
  return {
    toolUseId: string(payload.tool_use_id),
    tool: string(payload.tool_name),
    isError: failed,
    output: failed ? string(payload.error) : textOf(payload.tool_response),
    ...(failed ? {} : { result: payload.tool_response }),
    ...(typeof durationMs === 'number' ? { durationMs } : {}),
    ...(payload.is_interrupt === true ? { interrupted: true } : {}),
  };
}

/** Null when it is not the shape that we know. */
export function questionsOf(input: unknown): FrameData<'ask.question'>['questions'] | null {
  const { questions } = object(input);
  if (!Array.isArray(questions)) return null;
  return questions.map((it) => {
    const question = object(it);
    const header = string(question.header);
    return {
      question: string(question.question),
      ...(header === '' ? {} : { header }),
      multiSelect: question.multiSelect === true,
      options: (Array.isArray(question.options) ? question.options : []).map((each) => {
        const description = string(object(each).description);
        return { label: string(object(each).label), ...(description === '' ? {} : { description }) };
      }),
    };
  });
}
