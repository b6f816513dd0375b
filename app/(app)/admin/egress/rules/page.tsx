import type { Metadata } from 'next';
import { Rules } from '@/components/egress/rules/rules';

export const metadata: Metadata = { title: 'Rules' };

export default function RulesPage() {
  return <Rules />;
}
