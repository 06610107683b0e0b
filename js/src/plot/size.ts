// The size a plot is drawn in: as wide as it was asked for, or as its box allows.
import type { Size } from "./messages.ts";

const LEAST_PX = 40;
/** A curve in half of its width is still to be read in three quarters of its height. */
const FLATTEST = 0.75;

export interface Asked {
  kind: string;
  width: number;
  height: number;
}

/** `available` is the width of the box in CSS pixels; a picture keeps its shape, an axis rather its height. */
export function fit({ kind, width, height }: Asked, available: number, ratio: number): Size {
  const fitting = Math.max(LEAST_PX, Math.min(width, Math.floor(available)));
  const scale = fitting / width;
  const kept = kind === "video" ? scale : Math.max(scale, FLATTEST);
  return { width: fitting, height: Math.round(height * kept), ratio };
}
