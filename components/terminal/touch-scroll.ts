import type { Terminal } from '@xterm/xterm';

/** Lines per second that a flick loses every frame, as a share. */
const FRICTION = 0.94;

/**
 * A finger scrolls the scrollback, with momentum. Where a program takes the mouse or has its own screen, the same
 * movement becomes wheel events, so that `less`, vim and tmux scroll as well.
 */
export function attachTouchScroll(terminal: Terminal, host: HTMLElement, signal: AbortSignal): void {
  let lastY: number | null = null;
  let rest = 0;
  let speed = 0;
  let frame = 0;

  const lineHeight = () => (host.clientHeight || 1) / terminal.rows;
  function scroll(pixels: number): void {
    rest += pixels;
    const lines = Math.trunc(rest / lineHeight());
    if (lines === 0) return;
    rest -= lines * lineHeight();
    if (terminal.modes.mouseTrackingMode === 'none' && terminal.buffer.active.type === 'normal') {
      terminal.scrollLines(lines);
      return;
    }
    const target = host.querySelector('.xterm-screen') ?? host;
    const box = target.getBoundingClientRect();
    const at = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
    for (let left = Math.abs(lines); left > 0; left--)
      target.dispatchEvent(
        new WheelEvent('wheel', {
          deltaY: Math.sign(lines),
          deltaMode: 1,
          bubbles: true,
          cancelable: true,
          ...at,
        }),
      );
  }
  function coast(): void {
    speed *= FRICTION;
    if (Math.abs(speed) < 0.3) return;
    scroll(speed);
    frame = requestAnimationFrame(coast);
  }

  host.addEventListener(
    'touchstart',
    (event) => {
      cancelAnimationFrame(frame);
      speed = 0;
      lastY = event.touches.length === 1 ? (event.touches[0]?.clientY ?? null) : null;
    },
    { passive: true, signal },
  );
  host.addEventListener(
    'touchmove',
    (event) => {
      const y = event.touches[0]?.clientY;
      if (lastY === null || y === undefined || event.touches.length !== 1) return;
      event.preventDefault();
      speed = lastY - y;
      lastY = y;
      scroll(speed);
    },
    { passive: false, signal },
  );
  host.addEventListener(
    'touchend',
    () => {
      lastY = null;
      frame = requestAnimationFrame(coast);
    },
    { passive: true, signal },
  );
  signal.addEventListener('abort', () => cancelAnimationFrame(frame));
}
