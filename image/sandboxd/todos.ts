/** The todo list, from what its tools were asked and answered. Pure. */
import type { FrameData } from '../../shared/frames';
import { object, string } from './message-events';

export type Todos = FrameData<'todo.update'>['items'];

/** Null: this tool has nothing to do with it, or changed nothing. */
export function todosAfter(items: Todos, tool: string, input: unknown, response: unknown): Todos | null {
  const asked = object(input);
  if (tool === 'TodoWrite') {
    if (!Array.isArray(asked.todos)) return null;
    return asked.todos.map((it, index) => {
      const todo = object(it);
      return item(string(todo.id) || String(index + 1), { ...todo, subject: todo.content ?? todo.subject });
    });
  }
  if (tool === 'TaskCreate') {
    const id = string(object(object(response).task).id);
    if (id === '' || items.some((it) => it.id === id)) return null;
    return [...items, item(id, asked)];
  }
  if (tool === 'TaskUpdate' && object(response).success !== false) {
    const id = string(asked.taskId);
    if (!items.some((it) => it.id === id)) return null;
    return items.map((it) => (it.id === id ? item(id, { ...it, ...asked }) : it));
  }
  return null;
}

function item(id: string, todo: Record<string, unknown>): Todos[number] {
  const activeForm = string(todo.activeForm);
  return {
    id,
    subject: string(todo.subject),
    status: string(todo.status) || 'pending',
    ...(activeForm === '' ? {} : { activeForm }),
  };
}
