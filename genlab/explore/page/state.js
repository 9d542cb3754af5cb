/** The address: `#run=…&panel=…` and what the panel is set to, so that a link shows the same. */

/** Largest seed that a control has. */
export const LARGEST_SEED = 999_999;

let settings = read();
let timer = 0;

function read() {
  return new URLSearchParams(location.hash.slice(1));
}

function address(parameters) {
  const text = parameters.toString().replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%2C", ",");
  return text ? `#${text}` : location.pathname + location.search;
}

/** A setting of the address, or what it is where the address says nothing. */
export const setting = (name, otherwise = null) => settings.get(name) ?? otherwise;

/** A setting that is a number; the nearest that may be, where the address says another. */
export function number(name, otherwise, low = -Infinity, high = Infinity) {
  const value = Number.parseFloat(settings.get(name));
  return Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : otherwise;
}

/** The same of a whole number. */
export const whole = (name, otherwise, low, high) => Math.round(number(name, otherwise, low, high));

/** A setting that is one of some names. */
export function oneOf(name, names, otherwise = names[0]) {
  const value = settings.get(name);
  return names.includes(value) ? value : otherwise;
}

/** A setting that is a list of named numbers from -reach to reach, as `written` writes it. @returns {Map<string, number>} */
export function pairs(name, reach) {
  const entries = setting(name, "")
    .split(",")
    .map((entry) => [entry.slice(0, entry.lastIndexOf(":")), Number(entry.slice(entry.lastIndexOf(":") + 1))]);
  return new Map(
    entries
      .filter(([key, value]) => key && Number.isFinite(value))
      .map(([key, value]) => [key, Math.min(reach, Math.max(-reach, value))]),
  );
}

/** Named numbers as one setting. */
export const written = (numbers) => [...numbers].map(([key, value]) => `${key}:${value}`).join(",");

/**
 * Keep settings in the address without a step in the history; null removes one.
 *
 * Browsers refuse hundreds of changes in a few seconds: the address follows once the hand rests.
 *
 * @param {Object<string, string|number|null>} changes
 */
export function keep(changes) {
  for (const [name, value] of Object.entries(changes)) {
    if (value == null || value === "") settings.delete(name);
    else settings.set(name, String(value));
  }
  clearTimeout(timer);
  timer = setTimeout(flush, 150);
}

/** Write what `keep` still holds back. */
export function flush() {
  clearTimeout(timer);
  timer = 0;
  history.replaceState(null, "", address(settings));
}

/** The address of another place: a run's panel, with settings. */
export const link = (place) => address(new URLSearchParams(place));

/** Go to another place; the back button returns. */
export function go(place) {
  if (timer) flush();
  history.pushState(null, "", link(place));
  settings = read();
}

/** Begin at a place where the address names none. */
export function beginAt(place) {
  if (location.hash.length > 1) return;
  history.replaceState(null, "", link(place));
  settings = read();
}

/** Call back when the user goes back or forth, or edits the address. */
export function whenMoved(callback) {
  addEventListener("popstate", () => {
    clearTimeout(timer);
    settings = read();
    callback();
  });
}
