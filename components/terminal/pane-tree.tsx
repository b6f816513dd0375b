'use client';

import { Fragment, type ReactNode } from 'react';
import { Group, Panel, Separator } from 'react-resizable-panels';
import { type Node, nodeId } from './layout';

/** Smaller panes show nothing that a person could read. */
const MIN_SIZE = '12%';

/** Draws splits with handles between them; what stands in a pane is the caller's. */
export function PaneTree({
  node,
  pane,
  onResize,
}: {
  node: Node;
  pane(session: string): ReactNode;
  onResize(split: string, sizes: Record<string, number>): void;
}) {
  if (node.kind === 'pane') return pane(node.session);
  const across = node.direction === 'right';
  const known = node.children.every((it) => node.sizes[nodeId(it)] !== undefined);
  return (
    <Group
      // New children mean a new division; within one the sizes are the group's own.
      key={node.children.map(nodeId).join(' ')}
      orientation={across ? 'horizontal' : 'vertical'}
      {...(known ? { defaultLayout: node.sizes } : {})}
      onLayoutChanged={(sizes, meta) => {
        if (meta.isUserInteraction) onResize(node.id, sizes);
      }}
      className="h-full"
    >
      {node.children.map((child, at) => (
        <Fragment key={nodeId(child)}>
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
          <Panel id={nodeId(child)} minSize={MIN_SIZE} className="min-h-0 min-w-0">
            <PaneTree node={child} pane={pane} onResize={onResize} />
          </Panel>
        </Fragment>
      ))}
    </Group>
  );
}
