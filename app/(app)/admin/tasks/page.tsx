import type { Metadata } from 'next';
import { Tasks } from '@/components/admin/tasks';

export const metadata: Metadata = { title: 'Tasks' };

export default function TasksPage() {
  return <Tasks />;
}
