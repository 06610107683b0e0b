// Messages that arrive once and in order, whatever happens to what carries them: numbered, kept until acknowledged, said again over the
// next carrier. The law is told in smallrtc_lab/conversation.py; the golden texts in tests/contract/conversation.json are read by the
// tests of both languages.

const MOST_UNACKNOWLEDGED = 500;
const MOST_CHARS = 4 << 20;

export interface Said {
  sequence: number;
  text: string;
}

/** Both directions of one call's messages, through any number of pipes. */
export class Conversation {
  readonly id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  /** The last message that came. */
  received = 0;
  private sequence = 0;
  private kept: Said[] = [];
  private chars = 0;

  get unacknowledged(): readonly Said[] {
    return this.kept;
  }

  /** Whether the next message has no place any more. */
  get full(): boolean {
    return this.kept.length >= MOST_UNACKNOWLEDGED || this.chars > MOST_CHARS;
  }

  put(text: string): Said {
    this.sequence += 1;
    const said = { sequence: this.sequence, text };
    this.kept.push(said);
    this.chars += text.length;
    return said;
  }

  /** Python has everything up to there. */
  acknowledge(sequence: number): void {
    this.kept = this.kept.filter((one) => one.sequence > sequence);
    this.chars = this.kept.reduce((sum, one) => sum + one.text.length, 0);
  }

  /** Whether this is the next one of Python's; another carrier may have brought it already. */
  accept(sequence: number): boolean {
    if (sequence !== this.received + 1) return false;
    this.received = sequence;
    return true;
  }
}

export type ChannelText = { kind: "numbered"; sequence: number; text: string } | { kind: "acknowledged"; sequence: number };

export function numberedText({ sequence, text }: Said): string {
  return `{"type": "numbered", "sequence": ${sequence}, "message": ${text}}`;
}

export function acknowledgedText(sequence: number): string {
  return JSON.stringify({ type: "acknowledged", sequence });
}

/** What a data channel brought, if it belongs to a conversation; null for any other text. */
export function readNumbered(raw: string): ChannelText | null {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    return null; // whoever reads plain texts says so
  }
  const { type, sequence, message } = (value ?? {}) as Record<string, unknown>;
  if (typeof sequence !== "number" || !Number.isSafeInteger(sequence)) return null;
  if (type === "acknowledged" && sequence >= 0) return { kind: "acknowledged", sequence };
  if (type === "numbered" && sequence >= 1 && message !== undefined) return { kind: "numbered", sequence, text: JSON.stringify(message) };
  return null;
}
