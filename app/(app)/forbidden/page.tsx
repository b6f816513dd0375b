import type { Metadata } from 'next';
import { ErrorPage } from '@/components/shell/error-page';

export const metadata: Metadata = { title: 'Not allowed' };

/** What the gateway answers, with status 403 and under the asked address, to whoever may not see a page. */
export default function ForbiddenPage() {
  return (
    <ErrorPage
      code="403"
      title="This part is for administrators."
      next="You are signed in, but your account has no right to it. Ask an administrator if you need something here."
    />
  );
}
