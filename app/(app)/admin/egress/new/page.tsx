import type { Metadata } from 'next';
import { Wizard } from '@/components/egress/wizard/wizard';

export const metadata: Metadata = { title: 'Add a way out' };

export default function WizardPage() {
  return <Wizard />;
}
