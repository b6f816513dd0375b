'use client';

import { Fragment, type ReactNode } from 'react';
import { Group, Panel, Separator } from 'react-resizable-panels';
import type { Node, Pane } from './layout';

/** Smaller panes show nothing that a person could read. */
const MIN_SIZE = '12%';

/** Draws splits with handles between them; what stands in a pane is the caller's. */
export function PaneTree({
  node,
  pane,
  onResize,
}: {
  node: Node;
  pane(pane: Pane): ReactNode;
  onResize(split: string, sizes: Record<string, number>): void;
}) {
  if (node.kind === 'pane') return pane(node);
  const across = node.direction === 'right';
  const known = node.children.every((it) => node.sizes[it.id] !== undefined);
  return (
    <Group
      // New children mean a new division; within one the sizes are the group's own.
      key={node.children.map((it) => it.id).join(' ')}
      orientation={across ? 'horizontal' : 'vertical'}
      {...(known ? { defaultLayout: node.sizes } : {})}
      onLayoutChanged={(sizes, meta) => {
        if (meta.isUserInteraction) onResize(node.id, sizes);
      }}
      className="h-full"
    >
      {node.children.map((child, at) => (
        <Fragment key={child.id}>
          {at > 0 && (
            <Separator
              aria-label="Resize the panes"
              className={
                across
                  ? 'w-1 bg-line transition-colors hover:bg-accent data-[separator=active]:bg-accent'
                  : 'h-1 bg-line transition-colors hover:bg-accent data-[separator=active]:bg-accent'
              }
            />
          )}
          <Panel id={child.id} minSize={MIN_SIZE} className="min-h-0 min-w-0">
            <PaneTree node={child} pane={pane} onResize={onResize} />
          </Panel>
        </Fragment>
      ))}
    </Group>
  );
}
