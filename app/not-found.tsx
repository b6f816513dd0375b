import { ErrorPage } from '@/components/shell/error-page';

export default function NotFound() {
  return (
    <main>
      <ErrorPage
        code="404"
        title="This page does not exist."
        next="Check the address, or go back to your sandboxes."
      />
    </main>
  );
}
