// What Python sends back: shown, heard when the person listens, and timed while it shows the test signal.
import { Echo } from "../media/echo.ts";
import type { Sound } from "../media/sound.ts";
import { Playback } from "../media/sound.ts";
import type { Source } from "../negotiation.ts";
import type { Store } from "../status.ts";

export class Returning {
  private playback: Playback | null = null;
  private echo: { of: MediaStreamTrack; seen: Echo } | null = null;
  /** The picture of a way that has just taken over; that of the last one is shown until this one has come. */
  private next: MediaStreamTrack | null = null;

  constructor(
    private readonly store: Store,
    private readonly sound: Sound,
  ) {}

  get heard(): MediaStream | null {
    return this.playback?.heard ?? null;
  }

  /** Nothing comes any more. */
  reset(): void {
    this.next = null;
    this.store.set({ returned: null, returnedVideo: false });
  }

  arrived(source: Source, track: MediaStreamTrack): void {
    if (source === "audio") {
      this.take(track);
      if (this.store.now.listening !== "off") void this.listen(true);
      return;
    }
    if (source !== "camera") return;
    track.onunmute = () => this.seen(track, true);
    track.onmute = () => this.seen(track, false);
    if (this.store.now.returnedVideo) this.next = track;
    else this.take(track);
  }

  /** The way that carried before is closed, and its picture with it. */
  letGo(): void {
    if (this.next === null) return;
    this.take(this.next);
    this.store.set({ returnedVideo: false });
    this.next = null;
  }

  async listen(on: boolean): Promise<void> {
    const { store } = this;
    if (!on) {
      this.listenOff();
      store.set({ listening: "off" });
      return;
    }
    const track = store.now.returned?.getAudioTracks()[0];
    if (!track) return;
    this.listenOff();
    this.playback = new Playback(this.sound, track);
    try {
      const running = await this.sound.resume();
      await this.playback.play(store.now.chosen.speaker);
      store.set({ listening: running ? "on" : "blocked" });
    } catch (cause) {
      console.warn("smallrtc-lab: the browser would not play the returned sound", cause);
      store.set({ listening: "blocked" });
    }
  }

  async useSpeaker(id: string | null): Promise<void> {
    this.store.set({ chosen: { ...this.store.now.chosen, speaker: id } });
    await this.playback?.useSpeaker(id);
  }

  /** While the test picture is sent, its way to Python and back is timed. */
  followEcho(): Echo | null {
    const { camera, returned, returnedVideo } = this.store.now;
    const [track] = camera === "test" && returnedVideo ? (returned?.getVideoTracks() ?? []) : [];
    if (this.echo?.of !== track) {
      this.echo?.seen.close();
      this.echo = track ? { of: track, seen: new Echo(track) } : null;
    }
    return this.echo?.seen ?? null;
  }

  close(): void {
    this.echo?.seen.close();
    this.listenOff();
  }

  private seen(track: MediaStreamTrack, pictures: boolean): void {
    if (pictures && track === this.next) {
      this.next = null;
      this.take(track);
    }
    const shown = this.store.now.returned?.getVideoTracks().includes(track);
    if (shown) this.store.set({ returnedVideo: pictures });
  }

  /** In the place of the one of its kind that was shown. */
  private take(track: MediaStreamTrack): void {
    const others = (this.store.now.returned?.getTracks() ?? []).filter(({ kind }) => kind !== track.kind);
    this.store.set({ returned: new MediaStream([...others, track]) });
  }

  private listenOff(): void {
    this.playback?.stop();
    this.playback = null;
  }
}
