'use client';

import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  LanguageDescription,
  syntaxHighlighting,
} from '@codemirror/language';
import { languages } from '@codemirror/language-data';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags as t } from '@lezer/highlight';
import { useEffect, useRef } from 'react';

/** Our own colours, which follow the page's light and dark by themselves. */
const theme = EditorView.theme({
  '&': { height: '100%', backgroundColor: 'var(--terminal)', color: 'var(--ink)', fontSize: '13px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--font-mono, monospace)', lineHeight: '1.55' },
  '.cm-gutters': {
    backgroundColor: 'var(--terminal)',
    color: 'var(--ink-faint)',
    borderRight: '1px solid var(--line)',
  },
  '.cm-activeLine, .cm-activeLineGutter': {
    backgroundColor: 'color-mix(in oklch, var(--accent) 7%, transparent)',
  },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'color-mix(in oklch, var(--accent) 28%, transparent)',
  },
  '.cm-panels': { backgroundColor: 'var(--surface)', color: 'var(--ink)', borderColor: 'var(--line)' },
  '.cm-textfield': {
    backgroundColor: 'var(--raised)',
    border: '1px solid var(--line-strong)',
    borderRadius: '4px',
  },
  '.cm-button': {
    backgroundImage: 'none',
    backgroundColor: 'var(--raised)',
    border: '1px solid var(--line-strong)',
    borderRadius: '4px',
  },
  '.cm-searchMatch': { backgroundColor: 'var(--warn-soft)', outline: '1px solid var(--warn)' },
});
const colours = HighlightStyle.define([
  { tag: [t.keyword, t.modifier, t.operatorKeyword, t.controlKeyword], color: 'var(--accent)' },
  { tag: [t.string, t.special(t.string), t.regexp], color: 'var(--good)' },
  { tag: [t.number, t.bool, t.null, t.atom], color: 'var(--warn)' },
  { tag: [t.comment, t.meta], color: 'var(--ink-faint)', fontStyle: 'italic' },
  {
    tag: [t.function(t.variableName), t.function(t.propertyName), t.className, t.typeName],
    color: 'var(--accent-strong)',
  },
  { tag: [t.tagName, t.attributeName, t.propertyName], color: 'var(--accent-strong)' },
  { tag: t.heading, fontWeight: 'bold' },
  { tag: t.link, textDecoration: 'underline' },
  { tag: t.emphasis, fontStyle: 'italic' },
  { tag: t.strong, fontWeight: 'bold' },
  { tag: t.invalid, color: 'var(--bad)' },
]);

/** CodeMirror over one text. `text` is what it starts with; what it has become is told by `onChange`. */
export function TextEditor({
  name,
  text,
  readOnly,
  label,
  onChange,
  onSave,
}: {
  name: string;
  text: string;
  readOnly: boolean;
  label: string;
  onChange(read: () => string): void;
  onSave(): void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const calls = useRef({ onChange, onSave });
  calls.current = { onChange, onSave };
  useEffect(() => {
    if (!host.current) return;
    const language = new Compartment();
    // CRLF stays CRLF: a file that is saved unchanged is unchanged.
    const crlf = text.includes('\r\n') && !/[^\r]\n/.test(text);
    const saveKey = () => {
      calls.current.onSave();
      return true;
    };
    const view = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: text,
        extensions: [
          ...[lineNumbers(), highlightActiveLineGutter(), highlightActiveLine(), history(), drawSelection()],
          ...[bracketMatching(), indentOnInput(), highlightSelectionMatches(), search({ top: true })],
          ...[syntaxHighlighting(colours), theme, language.of([]), EditorState.tabSize.of(4)],
          indentUnit.of(/^\t/m.test(text) ? '\t' : /^ {4}\S/m.test(text) ? '    ' : '  '),
          ...(crlf ? [EditorState.lineSeparator.of('\r\n')] : [EditorState.lineSeparator.of('\n')]),
          ...(readOnly ? [EditorState.readOnly.of(true)] : []),
          EditorView.contentAttributes.of({
            'aria-label': label,
            spellcheck: 'false',
            autocapitalize: 'off',
          }),
          keymap.of([
            { key: 'Mod-s', preventDefault: true, run: saveKey },
            ...[...defaultKeymap, ...historyKeymap, ...searchKeymap],
            indentWithTab,
          ]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) calls.current.onChange(() => view.state.sliceDoc());
          }),
        ],
      }),
    });
    let gone = false;
    const known = LanguageDescription.matchFilename(languages, name);
    void known?.load().then((it) => {
      if (!gone) view.dispatch({ effects: language.reconfigure(it) });
    });
    view.focus();
    return () => {
      gone = true;
      view.destroy();
    };
  }, [name, text, readOnly, label]);
  return <div ref={host} className="h-full min-h-0 overflow-hidden" />;
}
