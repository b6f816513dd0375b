'use client';

import { CornerDownLeft, Paperclip, Square } from 'lucide-react';
import {
  type KeyboardEvent,
  useEffect,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import { toast } from 'sonner';
import type { SessionView } from '../../shared/views';
import { filesOf } from '../terminal/upload';
import { useUploads } from '../terminal/use-uploads';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { useMedia } from '../ui/use-media';
import { caretWord, replaced } from './caret-word';
import { OfferList } from './offer-list';
import { KeyHints, WaitingPrompts } from './prompt-parts';
import { failureOf, sessionCalls } from './session-calls';
import { useDraft } from './use-draft';
import { type Offer, useCommands, useOffers } from './use-offers';
import { usePromptHistory } from './use-prompt-history';
import { useSend } from './use-send';

/** The box grows with its text up to this share of the window. */
const HEIGHT_SHARE = 0.4;

/** Where a prompt is written: history, drafts, commands, files, pictures; Enter sends, Escape stops Claude. */
export function PromptBox({
  session,
  working,
  refusal,
  focusRef,
  onSent,
}: {
  session: SessionView;
  working: boolean;
  /** Why nothing can be sent, or null. */
  refusal: string | null;
  focusRef: { current: (() => void) | null };
  onSent(): void;
}) {
  const [text, setText] = useDraft(session.id);
  const [caret, setCaret] = useState(0);
  const [active, setActive] = useState(0);
  /** The word whose list was closed with Escape. */
  const [closed, setClosed] = useState<string | null>(null);
  const [stopping, setStopping] = useState(false);
  const history = usePromptHistory();
  const box = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const listId = useId();
  const coarse = useMedia('(pointer: coarse)');

  const word = refusal === null ? caretWord(text, caret) : null;
  const commands = useCommands(session.id, refusal === null && text.startsWith('/'));
  const offers = useOffers(session.id, word, commands);
  const wordKey = word && `${word.kind} ${word.query}`;
  const listed = word !== null && offers.length > 0 && closed !== wordKey;
  const at = Math.min(active, offers.length - 1);
  const { send, waiting } = useSend({
    commands,
    onRefused: (refused) => setText(refused),
  });

  useImperativeHandle(focusRef, () => () => box.current?.focus());
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text decides how high it is
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    element.style.height = 'auto';
    element.style.height = `${Math.min(element.scrollHeight, window.innerHeight * HEIGHT_SHARE)}px`;
  }, [text]);
  useEffect(() => {
    if (!working) setStopping(false);
  }, [working]);

  function put(next: string, caretAt = next.length) {
    setText(next);
    setCaret(caretAt);
    // After the new text is in the box.
    requestAnimationFrame(() => box.current?.setSelectionRange(caretAt, caretAt));
  }
  const upload = useUploads(session.sandboxId, (path) => {
    const from = box.current?.selectionStart ?? text.length;
    const now = box.current?.value ?? text;
    const gap = from > 0 && !/\s/.test(now.charAt(from - 1)) ? ' ' : '';
    put(now.slice(0, from) + gap + path + now.slice(from), from + gap.length + path.length);
    box.current?.focus();
  });

  function submit() {
    const given = text.trim();
    if (given === '' || refusal !== null) return;
    history.leave();
    put('');
    void send(given);
    onSent();
  }
  function pick(offer: Offer) {
    if (!word) return;
    const next = replaced(text, word, offer.insert);
    put(next.text, next.caret);
    box.current?.focus();
  }
  async function interrupt() {
    setStopping(true);
    try {
      const { sent } = await sessionCalls.interrupt(session.id);
      if (!sent) setStopping(false);
    } catch (thrown) {
      setStopping(false);
      const { title, next } = failureOf(thrown);
      toast.error(title, { description: next });
    }
  }
  function keyed(event: KeyboardEvent<HTMLTextAreaElement>) {
    // An input method is composing a character: the key is its own.
    if (event.nativeEvent.isComposing) return;
    const { key, shiftKey, altKey, ctrlKey, metaKey } = event;
    const plain = !shiftKey && !altKey && !ctrlKey && !metaKey;
    const take = (did: boolean | undefined) => did !== false && event.preventDefault();
    if (listed && plain) {
      const offer = offers[at];
      if (key === 'ArrowDown') return take(void setActive((at + 1) % offers.length));
      if (key === 'ArrowUp') return take(void setActive((at - 1 + offers.length) % offers.length));
      if (key === 'Escape') return take(void setClosed(wordKey));
      if (offer && (key === 'Tab' || (key === 'Enter' && offer.insert !== text.trim())))
        return take(void pick(offer));
    }
    if (key === 'Enter' && !shiftKey && !altKey && (!coarse || ctrlKey || metaKey))
      return take(void submit());
    if (key === 'Escape' && working) return take(void interrupt());
    const { selectionStart, selectionEnd } = event.currentTarget;
    if (!plain || selectionStart !== selectionEnd) return;
    const older = key === 'ArrowUp' && !text.slice(0, selectionStart).includes('\n');
    const newer = key === 'ArrowDown' && !text.slice(selectionEnd).includes('\n');
    const recalled = older ? history.older(text) : newer ? history.newer() : null;
    if (recalled !== null) take(void put(recalled));
  }

  return (
    <form
      aria-label="Prompt"
      className="relative mx-auto w-full max-w-3xl px-3 pb-3 @2xl:px-6"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        const files = filesOf(event.dataTransfer);
        if (files.length === 0) return;
        event.preventDefault();
        void upload(files);
      }}
    >
      <WaitingPrompts waiting={waiting} />
      <div className="relative">
        {listed && word && (
          <OfferList
            id={listId}
            label={word.kind === 'command' ? 'Commands' : 'Files'}
            offers={offers}
            active={at}
            onPick={pick}
          />
        )}
        <div
          className={cx(
            'flex items-end gap-1 rounded-xl border border-line-strong bg-raised p-1.5 focus-within:border-accent',
            refusal !== null && 'opacity-70',
          )}
        >
          <input
            ref={picker}
            type="file"
            multiple
            hidden
            onChange={(event) => {
              void upload([...(event.target.files ?? [])]);
              event.target.value = '';
            }}
          />
          <Button
            look="ghost"
            size="icon"
            aria-label="Add files"
            title="Add files"
            disabled={refusal !== null}
            onClick={() => picker.current?.click()}
          >
            <Paperclip aria-hidden />
          </Button>
          <textarea
            ref={box}
            rows={1}
            value={text}
            disabled={refusal !== null}
            aria-label="Message to Claude"
            placeholder={refusal ?? (working ? 'Add to the task' : 'What should Claude do?')}
            aria-haspopup="listbox"
            aria-controls={listed ? listId : undefined}
            aria-activedescendant={listed ? `${listId}-${at}` : undefined}
            aria-autocomplete="list"
            enterKeyHint={coarse ? 'enter' : 'send'}
            onChange={(event) => {
              history.leave();
              setActive(0);
              setClosed(null);
              setText(event.target.value);
              setCaret(event.target.selectionStart);
            }}
            onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
            onKeyDown={keyed}
            onPaste={(event) => {
              const files = filesOf(event.clipboardData);
              if (files.length === 0) return;
              event.preventDefault();
              void upload(files);
            }}
            className="min-h-8 min-w-0 flex-1 resize-none bg-transparent px-1 py-1 text-base outline-none placeholder:text-ink-faint max-sm:text-[16px]"
          />
          {working && (
            <Button
              look="danger"
              size="icon"
              aria-label="Stop Claude"
              title="Stop (Esc)"
              busy={stopping}
              onClick={interrupt}
            >
              <Square aria-hidden />
            </Button>
          )}
          <Button
            type="submit"
            look="primary"
            size="icon"
            aria-label="Send"
            title="Send (Enter)"
            disabled={refusal !== null || text.trim() === ''}
          >
            <CornerDownLeft aria-hidden />
          </Button>
        </div>
      </div>
      <KeyHints working={working} />
    </form>
  );
}
