// The page of a served bot: the notebook's own front end, signaling with `start` and `api/offer` alone.
import { Visit } from "./session/visit.ts";
import { readAddress } from "./signaling/address.ts";
import { placeFrom } from "./signaling/server.ts";
import { mountVisit } from "./view/visitor.ts";

function open(): void {
  const { session, token, clean } = readAddress(location.href);
  if (clean !== location.href) history.replaceState(null, "", clean); // the server's cookie is the key from now on
  const place = placeFrom({ config: null, bodyBaseUrl: document.body.dataset["baseUrl"], origin: location.origin });
  const into = document.querySelector("main");
  if (!place || !into) throw new Error("this page was not made by its server");
  const hub = document.body.dataset["relays"] === "true"; // nothing but a proxy leads to the bot
  const title = session ?? document.body.dataset["title"] ?? "";
  const path = session === null ? "smallrtc/start" : `smallrtc/sessions/${encodeURIComponent(session)}/start`;
  if (title) document.title = `${title} · smallrtc-lab`;
  mountVisit(new Visit({ ...place, token, hub }, session), { title, start: new URL(path, place.base).href }, into);
}

open();
