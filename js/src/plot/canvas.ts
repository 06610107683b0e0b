// The picture itself: JPEG files become pixels of a canvas, as sharp as the screen.
import { h } from "../view/dom.ts";
import type { Picture } from "./messages.ts";

export class Canvas {
  readonly element = h("canvas", { class: "srl-plot-canvas", tabindex: 0, role: "img" });
  /** CSS pixels of the picture that is seen. */
  width = 0;
  height = 0;
  private readonly context = this.element.getContext("2d", { alpha: false });

  /** Shows a picture; resolves when it is seen. */
  async show(picture: Picture): Promise<void> {
    const bitmap = await createImageBitmap(new Blob([picture.jpeg as BlobPart], { type: "image/jpeg" }));
    const { element } = this;
    if (element.width !== bitmap.width || element.height !== bitmap.height) {
      element.width = bitmap.width;
      element.height = bitmap.height;
    }
    this.width = picture.css_width;
    this.height = picture.css_height;
    this.context?.drawImage(bitmap, 0, 0);
    bitmap.close();
  }

  get empty(): boolean {
    return this.width === 0;
  }

  /** CSS pixels of the picture under a point of the window, or null beside it. */
  locate(x: number, y: number): [number, number] | null {
    const box = this.element.getBoundingClientRect();
    if (this.empty || box.width === 0 || box.height === 0) return null;
    const [left, top] = [x - box.left, y - box.top];
    if (left < 0 || top < 0 || left > box.width || top > box.height) return null;
    return [(left / box.width) * this.width, (top / box.height) * this.height];
  }
}
