// Messages both ways: a line to type into, and everything that went and came.
import { asProblem } from "../errors.ts";
import type { Caller } from "../session/caller.ts";
import { shownMessage, typedMessage } from "../session/message_text.ts";
import type { Snapshot } from "../status.ts";
import { h, setAttribute } from "./dom.ts";
import { icon } from "./icons.ts";
import { ScrollList } from "./scroll.ts";

export class Messages {
  readonly element: HTMLElement;
  private readonly list = new ScrollList("Messages", "Nothing said yet. What you send and what the bot answers stands here.");
  private readonly input = h("input", {
    class: "srp-input",
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": "A message to the bot: a line of text, or JSON",
  });
  private readonly button = h("button", { class: "srl-plain srp-send", type: "submit", "data-action": "send" }, "Send");

  constructor(private readonly caller: Caller) {
    const form = h("form", { class: "srp-form" }, this.input, this.button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.element = h("section", { class: "srp-panel srp-messages" }, h("h2", {}, icon("message"), "Messages"), this.list.element, form);
    caller.lab.addEventListener("message", (event) => this.list.add("in", shownMessage((event as MessageEvent<unknown>).data)));
  }

  update(now: Snapshot): void {
    const open = now.state === "live" || now.state === "connecting" || now.state === "reconnecting";
    this.input.disabled = !open;
    this.button.disabled = !open;
    setAttribute(this.input, "placeholder", open ? 'A line of text, or JSON: {"hello": "bot"}' : "Press Start first");
  }

  private send(): void {
    const line = this.input.value.trim();
    if (line === "") return;
    const message = typedMessage(line);
    try {
      this.caller.lab.send(message);
      this.list.add("out", shownMessage(message));
      this.input.value = "";
    } catch (cause) {
      this.list.add("bad", asProblem(cause).message);
    }
  }
}
