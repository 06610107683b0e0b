// The icons, drawn on a grid of 20 with strokes of 1.6, in the colour of the text around them.

const PATHS = {
  start: '<path d="M6.5 4.2v11.6a.6.6 0 0 0 .9.5l9.3-5.8a.6.6 0 0 0 0-1L7.4 3.7a.6.6 0 0 0-.9.5z" fill="currentColor" stroke="none"/>',
  stop: '<rect x="5" y="5" width="10" height="10" rx="2" fill="currentColor" stroke="none"/>',
  microphone: '<rect x="7.4" y="2.5" width="5.2" height="9" rx="2.6"/><path d="M4.5 9.5a5.5 5.5 0 0 0 11 0M10 15v2.5"/>',
  camera: '<rect x="2.2" y="5" width="10.6" height="10" rx="2.2"/><path d="m12.8 9 4-2.4a.5.5 0 0 1 .8.4v6a.5.5 0 0 1-.8.4l-4-2.4"/>',
  screen: '<rect x="2.5" y="3.5" width="15" height="10.5" rx="1.8"/><path d="M7 17h6M10 11V6.8M8 8.6l2-2 2 2"/>',
  listen: '<path d="M3.5 12.5v-2a6.5 6.5 0 0 1 13 0v2"/><rect x="2.7" y="11.5" width="3.4" height="5.2" rx="1.4"/><rect x="13.9" y="11.5" width="3.4" height="5.2" rx="1.4"/>',
  gear: '<path d="M3 6h6M13.5 6H17M3 14h3.5M11 14h6"/><circle cx="11.2" cy="6" r="2.2"/><circle cx="8.8" cy="14" r="2.2"/>',
  close: '<path d="m5.5 5.5 9 9M14.5 5.5l-9 9"/>',
  warning: '<path d="M10 3.2 17.6 16a.7.7 0 0 1-.6 1H3a.7.7 0 0 1-.6-1L10 3.2zM10 8.2v3.9M10 14.5v.1"/>',
  info: '<circle cx="10" cy="10" r="7.3"/><path d="M10 9.3v4.2M10 6.5v.1"/>',
  message: '<path d="M4.2 4h11.6a1.7 1.7 0 0 1 1.7 1.7v6.6a1.7 1.7 0 0 1-1.7 1.7H9l-3.6 3v-3H4.2a1.7 1.7 0 0 1-1.7-1.7V5.7A1.7 1.7 0 0 1 4.2 4z"/>',
  clock: '<circle cx="10" cy="10" r="7.3"/><path d="M10 5.8V10l2.8 1.8"/>',
  pause: '<path d="M7 4.5v11M13 4.5v11" stroke-width="2.4"/>',
  pauseAll: '<path d="M8.5 7v9.5M13.5 7v9.5" stroke-width="2.2"/><path d="M4 13.5V4.2A1.2 1.2 0 0 1 5.2 3h9.3"/>',
  slash: '<path class="srl-slash-gap" d="m3.4 4.6 12 12"/><path d="m3.5 3 13.5 13.5"/>',
} as const;

export type IconName = keyof typeof PATHS;

function svg(body: string): SVGSVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  element.setAttribute("viewBox", "0 0 20 20");
  element.setAttribute("class", "srl-icon");
  element.setAttribute("aria-hidden", "true");
  element.innerHTML = body;
  return element;
}

export function icon(name: IconName): SVGSVGElement {
  return svg(PATHS[name]);
}

/** An icon whose slash is shown by the stylesheet while its button says that the source is off. */
export function switchIcon(name: IconName): SVGSVGElement {
  return svg(`${PATHS[name]}<g class="srl-slash">${PATHS.slash}</g>`);
}
