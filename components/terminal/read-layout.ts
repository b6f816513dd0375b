import { z } from 'zod';
import { type Layout, type Node, paneViews } from './layout';

/** Panes that were kept before there were views have none, and were named after their session. */
const paneSchema = z
  .object({
    kind: z.literal('pane'),
    id: z.string().optional(),
    session: z.string(),
    view: z.enum(paneViews).catch('terminal').default('terminal'),
  })
  .transform((it) => ({ ...it, id: it.id ?? it.session }));

const nodeSchema: z.ZodType<Node> = z.lazy(() =>
  z.union([
    paneSchema,
    z.object({
      kind: z.literal('split'),
      id: z.string(),
      direction: z.enum(['right', 'down']),
      children: z.array(nodeSchema).min(2),
      sizes: z.record(z.string(), z.number()),
    }),
  ]),
);

const layoutSchema = z.object({
  tabs: z.array(z.object({ id: z.string(), root: nodeSchema, active: z.string() })),
  activeTab: z.string().nullable(),
});

/** What was kept as a layout, or null when it is none that can be drawn. */
export function readLayout(value: unknown): Layout | null {
  const read = layoutSchema.safeParse(value);
  return read.success ? read.data : null;
}
