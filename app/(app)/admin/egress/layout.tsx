import type { ReactNode } from 'react';
import { EgressFrame } from '@/components/egress/egress-frame';

export default function EgressLayout({ children }: { children: ReactNode }) {
  return <EgressFrame>{children}</EgressFrame>;
}
