// Messages as a person types and reads them: a line is JSON where it is JSON, and plain text where it is not.

/** `{"a": 1}`, `3` and `"text"` are what they say; anything else is the text itself. */
export function typedMessage(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return line;
  }
}

export const SHOWN_LENGTH = 2000;

/** Text as it is, everything else as JSON; bounded, for a message may have a megabyte. */
export function shownMessage(message: unknown): string {
  const text = typeof message === "string" ? message : (JSON.stringify(message) ?? String(message));
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}… (${text.length} characters)` : text;
}
