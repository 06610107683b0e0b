// The place in the plot whose value is read: the mouse's, a finger's, or one that the arrow keys move.

export interface PointerEvents {
  /** A place in CSS pixels of the picture, or null for none. */
  moved(at: [number, number] | null): void;
}

const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const FAR = 10;

/** Where an arrow key leads from a place, or from the middle; null for other keys. */
export function step(key: string, far: boolean, from: [number, number] | null, size: [number, number]): [number, number] | null {
  const direction = STEPS[key];
  if (!direction) return null;
  const [width, height] = size;
  const [x, y] = from ?? [width / 2, height / 2];
  const length = from === null ? 0 : far ? FAR : 1;
  const within = (value: number, most: number) => Math.max(0, Math.min(most - 1, value));
  return [within(x + direction[0] * length, width), within(y + direction[1] * length, height)];
}

/** One question at a time is under way; when it is answered the newest place is asked for, if that is another one. */
export class Asking {
  private wanted: [number, number] | null = null;
  private asked = false;

  constructor(private readonly ask: (at: [number, number] | null) => void) {}

  move(at: [number, number] | null): void {
    this.wanted = at;
    if (at === null) {
      this.asked = false;
      this.ask(null);
    } else if (!this.asked) {
      this.asked = true;
      this.ask(at);
    }
  }

  /** An answer for that place came. */
  answered(at: [number, number]): void {
    this.asked = false;
    if (this.wanted !== null && (this.wanted[0] !== at[0] || this.wanted[1] !== at[1])) this.move(this.wanted);
  }

  /** The socket is a new one: what was asked for is never answered. */
  reset(): void {
    this.asked = false;
  }
}
