/**
 * What can be seen of a text, to compare a prompt with what Claude Code made of it: measured, it turns tabs into spaces,
 * trims, takes out what is invisible (format characters, fillers, variation selectors that select nothing) and composes
 * letters with their marks (NFC), as a name that was copied on a Mac is not.
 */
export const visibleText = (text: string): string =>
  text.replace(/[\s\p{Cf}\p{Cc}\p{Default_Ignorable_Code_Point}]+/gu, '').normalize('NFC');
