import { ArrowLeft, RotateCw } from 'lucide-react';
import { Button } from '../ui/button';
import { LogoMark } from './logo';

/** Fills a page, or the app's main part, with what went wrong and what to do. */
export function ErrorPage({
  code,
  title,
  next,
  retry,
}: {
  code: string;
  title: string;
  next: string;
  retry?: () => void;
}) {
  return (
    <div className="grid min-h-[70dvh] w-full place-items-center p-6">
      <div className="grid max-w-md gap-3">
        <LogoMark className="size-10" />
        <p className="mt-3 font-mono text-ink-faint text-xs">{code}</p>
        <h1 className="font-semibold text-xl">{title}</h1>
        <p className="text-ink-soft">{next}</p>
        <div className="mt-3 flex gap-2">
          {retry && (
            <Button look="primary" onClick={retry}>
              <RotateCw /> Try again
            </Button>
          )}
          <Button asChild look={retry ? 'secondary' : 'primary'}>
            {/* A full load on purpose: the router may be what broke. */}
            <a href="/">
              <ArrowLeft className="size-4" aria-hidden /> Your sandboxes
            </a>
          </Button>
        </div>
      </div>
    </div>
  );
}
