/** Decides what the scripted model answers, from the last thing the user typed. Pure. */

interface Block {
  type: string;
  text?: string;
  content?: unknown;
  id?: string;
  name?: string;
  tool_use_id?: string;
}
interface Message {
  role: string;
  content: string | Block[];
}
/** The parts of a Messages API request that the script looks at. */
export interface MessagesRequest {
  model: string;
  stream?: boolean;
  system?: string | Block[];
  messages: Message[];
}

/** One content block of an answer. `hold` names a point where the stream waits until the test lets it go on. */
export type Part =
  | { type: 'text'; text: string }
  | { type: 'hold'; name: string }
  /** The connection breaks here; the same question asked without a stream is answered whole. */
  | { type: 'drop' }
  /** So goes the same question the first times: a status, or here in the middle a break or an `error` event. */
  | { type: 'fail'; how: '401' | '429' | '529' | 'drop' | 'error'; times: number; of: string }
  /** Refused with 400, as a prompt that is too long is. */
  | { type: 'too long' }
  | { type: 'thinking'; text: string }
  | { type: 'tool'; name: string; input: Record<string, unknown> };

/**
 * What a test types, and what comes back:
 *   say WORDS               the words
 *   hold NAME               "before NAME", then silence until `release(NAME)`, then "after NAME"
 *   count N                 N numbered lines, more than a screen when N is large
 *   run COMMAND             a Bash call, then "ran: " and the first line of its output
 *   write PATH CONTENT      a Write call, then "wrote: " and the tool's own answer
 *   both A ;; B             two Bash calls in one message
 *   use TOOL JSON           a call of any tool, then "ran: " and the first line of its output
 *   ask QUESTION | A | B    an AskUserQuestion call with two or more options
 *   agent WORDS             an Agent call whose subagent is told WORDS
 *   think A | B             A as thinking, B as text
 *   drop WORDS              half of the words, then the connection breaks, whenever it is streamed
 *   fail HOW TIMES WORDS    refused with the status HOW (401, 429, 529), or half of the words and then a broken connection
 *                           (drop) or an error event (error), so many times; then the words
 *   overflow                refused as too long, until the conversation was compacted
 * A request for a summary gets one.
 * Anything else is echoed with "You said: ".
 */
export function answer(request: MessagesRequest): Part[] {
  if (blocks(request.system).some((it) => it.text?.includes('You are naming a coding session'))) {
    return [{ type: 'text', text: '{"title":"A scripted session"}' }];
  }
  const all = request.messages.flatMap((it) => blocks(it.content));
  const summed = all.some((it) => it.text?.includes(SUMMARY));
  const last = blocks(request.messages.findLast((it) => it.role === 'user')?.content);
  if (last.some((it) => it.text?.startsWith('CRITICAL: Respond with TEXT ONLY')))
    return [{ type: 'text', text: `<analysis>none</analysis>\n<summary>${SUMMARY}</summary>` }];
  const result = last.findLast((it) => it.type === 'tool_result');
  const typed = last.findLast((it) => it.type === 'text' && !it.text?.startsWith('<system-reminder>'));
  if (result && (!typed || last.indexOf(typed) < last.indexOf(result))) return afterTool(request, result);
  // What was pasted comes with a mark around it, when it has several lines.
  const prompt = (typed?.text ?? '').replace(/<\/?pasted_content[^>]*>/g, '').trim();
  if (prompt === 'overflow' || (summed && prompt.includes('overflow')))
    return summed ? [{ type: 'text', text: 'it fits now' }] : [{ type: 'too long' }];
  return afterPrompt(prompt);
}

const SUMMARY = 'A scripted summary.';

function afterPrompt(prompt: string): Part[] {
  const [verb = '', first = ''] = prompt.split(' ');
  const rest = prompt.slice(verb.length + 1);
  switch (verb) {
    case 'say':
      return [{ type: 'text', text: rest }];
    case 'hold':
      return [
        { type: 'text', text: `before ${first}\n\n` },
        { type: 'hold', name: first },
        { type: 'text', text: `after ${first}` },
      ];
    case 'count':
      return [
        { type: 'text', text: Array.from({ length: Number(first) }, (_, i) => `line ${i + 1}`).join('\n\n') },
      ];
    case 'run':
      return [{ type: 'tool', name: 'Bash', input: { command: rest, description: 'A scripted command' } }];
    case 'write':
      return [
        { type: 'tool', name: 'Write', input: { file_path: first, content: rest.slice(first.length + 1) } },
      ];
    case 'both':
      return rest.split(' ;; ').map((command) => ({
        ...{ type: 'tool', name: 'Bash', input: { command, description: 'A scripted command' } },
      }));
    case 'use':
      // What a test types is its author's own.
      return [
        {
          ...{ type: 'tool', name: first },
          input: JSON.parse(rest.slice(first.length + 1)) as Record<string, unknown>,
        },
      ];
    case 'ask': {
      const [question = '', ...labels] = rest.split(' | ');
      const options = labels.map((label) => ({ label, description: `To choose ${label}` }));
      const questions = [{ question, header: 'Scripted', options, multiSelect: false }];
      return [{ type: 'tool', name: 'AskUserQuestion', input: { questions } }];
    }
    case 'agent':
      return [
        {
          ...{ type: 'tool', name: 'Agent' },
          input: { description: 'A scripted task', prompt: rest, subagent_type: 'general-purpose' },
        },
      ];
    case 'think': {
      const [thought = '', text = ''] = rest.split(' | ');
      return [
        { type: 'thinking', text: thought },
        { type: 'text', text },
      ];
    }
    case 'fail': {
      const [, how = '', times = '', words = ''] = /^(401|429|529|drop|error) (\d+) (.*)$/s.exec(rest) ?? [];
      const half = words.slice(0, Math.ceil(words.length / 2));
      return [
        { type: 'text', text: half },
        // The expression above lets nothing else through; without a match the times are 0.
        { type: 'fail', how: how as '401', times: Number(times), of: words },
        { type: 'text', text: words.slice(half.length) },
      ];
    }
    case 'drop': {
      const half = rest.slice(0, Math.ceil(rest.length / 2));
      return [
        { type: 'text', text: half },
        { type: 'drop' },
        { type: 'text', text: rest.slice(half.length) },
      ];
    }
    default:
      return [{ type: 'text', text: `You said: ${prompt}` }];
  }
}

function afterTool(request: MessagesRequest, result: Block): Part[] {
  const text = blocks(typeof result.content === 'string' ? result.content : (result.content as Block[])) // the API's own shape
    .map((it) => it.text ?? '')
    .join('');
  const called = request.messages
    .flatMap((it) => blocks(it.content))
    .find((it) => it.type === 'tool_use' && it.id === result.tool_use_id);
  const did = { Write: 'wrote', AskUserQuestion: 'answered', Agent: 'sent' }[called?.name ?? ''] ?? 'ran';
  return [{ type: 'text', text: `${did}: ${text.split('\n')[0]}` }];
}

function blocks(content: string | Block[] | undefined): Block[] {
  if (content === undefined) return [];
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}
