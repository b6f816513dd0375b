/** Payloads of Claude Code's hooks, as far as we read them. Pure. */
import type { FrameData } from '../../shared/frames';
import { number, object, string } from './message-events';
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

/** What Claude Code tells its status line, of what we keep. */
export function contextOf(payload: Record<string, unknown>): FrameData<'context'> {
  const { id, display_name: name } = object(payload.model);
  const cost = object(payload.cost);
  const window = object(payload.context_window);
  const used = object(window.current_usage);
  const effort = string(object(payload.effort).level) || string(payload.effort);
  const figure = (value: unknown) => (typeof value === 'number' && value >= 0 ? value : undefined);
  const has = typeof used.input_tokens === 'number';
  const tokens = has
    ? number(used.input_tokens) +
      number(used.cache_read_input_tokens) +
      number(used.cache_creation_input_tokens) +
      number(used.output_tokens)
    : undefined;
  const data = {
    modelName: string(name) || undefined,
    effort: effort || undefined,
    contextTokens: tokens,
    contextWindow: figure(window.context_window_size),
    costUsd: figure(cost.total_cost_usd),
    durationMs: figure(cost.total_duration_ms),
    apiDurationMs: figure(cost.total_api_duration_ms),
    linesAdded: figure(cost.total_lines_added),
    linesRemoved: figure(cost.total_lines_removed),
  };
  return { model: string(id), ...data };
}
