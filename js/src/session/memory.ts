// Whether WebRTC found no path the last time, for this origin. A page that knows it opens the relay at once, and tries WebRTC all the
// same: in a new network nothing is lost by what was true in the last one.

export interface Memory {
  knownBlocked(): boolean;
  remember(blocked: boolean): void;
}

const KEY = "smallrtc-lab:webrtc-blocked";
const REMEMBERED_MS = 24 * 3600 * 1000;

/** What this origin's pages found last; forgotten after a day, or when WebRTC gets through. */
export const originMemory: Memory = {
  knownBlocked(): boolean {
    try {
      return Date.now() - Number(localStorage.getItem(KEY) ?? 0) < REMEMBERED_MS;
    } catch {
      return false; // a page that may store nothing
    }
  },
  remember(blocked: boolean): void {
    try {
      if (blocked) localStorage.setItem(KEY, String(Date.now()));
      else localStorage.removeItem(KEY);
    } catch (cause) {
      console.info("smallrtc-lab: this page may remember nothing", cause);
    }
  },
};
