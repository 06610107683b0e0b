// The pictures: what Python sees (never mirrored), the shared screen, and what Python returns, side by side.
import type { Caller } from "../session/caller.ts";
import type { Snapshot } from "../status.ts";
import { returnedCaption } from "../status.ts";
import { h, setAttribute, setText } from "./dom.ts";
import { switchIcon } from "./icons.ts";

interface Tile {
  figure: HTMLElement;
  video: HTMLVideoElement;
  caption: HTMLElement;
  empty: HTMLElement;
}

function tile(name: string, emptyText: string): Tile {
  const video = h("video", { playsinline: true, autoplay: true, tabindex: -1, "aria-label": name });
  video.muted = true;
  video.disablePictureInPicture = true;
  const caption = h("figcaption", { class: "srl-caption" });
  const empty = h("div", { class: "srl-empty" }, switchIcon("camera"), h("span", {}, emptyText));
  return { figure: h("figure", { class: "srl-tile", hidden: true }, video, empty, caption), video, caption, empty };
}

function play({ video }: Tile): void {
  // refused only while the page may play nothing at all; the next update or scroll tries again
  if (video.srcObject && video.paused) video.play().catch(() => undefined);
}

function show(one: Tile, visible: boolean, stream: MediaStream | null, caption: string): void {
  setAttribute(one.figure, "hidden", !visible);
  setAttribute(one.figure, "data-empty", stream === null);
  setText(one.caption, caption);
  const same = one.video.srcObject === stream || sameTracks(one.video.srcObject, stream);
  if (!same) one.video.srcObject = stream;
  if (visible) play(one);
}

function sameTracks(a: MediaProvider | null, b: MediaStream | null): boolean {
  if (!(a instanceof MediaStream) || !b) return false;
  const video = (stream: MediaStream) => stream.getVideoTracks()[0]?.id;
  return video(a) === video(b);
}

export class Stage {
  readonly element: HTMLElement;
  private readonly camera = tile("Camera", "Camera is off");
  private readonly screen = tile("Screen", "");
  private readonly returned = tile("From Python", "");
  private readonly resized: () => void;

  constructor(private readonly session: Caller) {
    const tiles = [this.camera, this.screen, this.returned];
    this.element = h("div", { class: "srl-stage", hidden: true }, ...tiles.map((one) => one.figure));
    this.resized = () => this.update(session.store.now);
    this.returned.video.addEventListener("resize", this.resized);
  }

  /** A picture that was scrolled or moved away is paused by the browser and goes on when it is seen again. */
  seen(): void {
    for (const one of [this.camera, this.screen, this.returned]) play(one);
  }

  update(now: Snapshot): void {
    const running = now.state === "connecting" || now.state === "live" || now.state === "reconnecting";
    const hasCamera = this.session.options.video !== false && now.camera !== "off";
    const processor = now.processors.video;
    const returns = running && now.returned !== null && (processor !== null || now.returnedVideo) && this.returnedStarted(now);
    show(this.camera, running && hasCamera, now.preview, now.camera === "test" ? "Test signal" : "Camera");
    show(this.screen, running && now.screen === "on", now.shared, "Screen");
    show(this.returned, returns, running ? now.returned : null, returnedCaption(processor, this.session.other));
    setAttribute(this.returned.figure, "data-processor", processor?.state ?? null);
    const count = this.element.querySelectorAll(":scope > :not([hidden])").length;
    setAttribute(this.element, "hidden", count === 0);
    setAttribute(this.element, "data-tiles", count);
  }

  close(): void {
    for (const one of [this.camera, this.screen, this.returned]) one.video.srcObject = null;
  }

  /** No black box: the returned picture takes its place when its first frame is there. */
  private returnedStarted(now: Snapshot): boolean {
    const { video } = this.returned;
    if (video.srcObject === null && now.returned) {
      video.srcObject = now.returned;
      play(this.returned);
    }
    return video.videoWidth > 0;
  }
}
