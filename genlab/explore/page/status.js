/** What the page tells: messages, and whether it is at work. */

/** A request that a newer one of the same view has replaced: nothing to tell. */
export class Dropped extends Error {}

let working = 0;
let shownAfter = 0;

/**
 * Show a message in the status line until the next one.
 *
 * @param {string} text an empty one clears the line.
 * @param {"note"|"error"} [kind]
 */
export function say(text, kind = "note") {
  const line = document.getElementById("status");
  line.className = text ? kind : "";
  line.querySelector("p").textContent = text.replace(/^[a-z](?=[a-z]*[ ,])/, (letter) => letter.toUpperCase());
}

/** Show what went wrong; superseded requests did not. */
export function complain(error) {
  if (error instanceof Dropped || error?.name === "AbortError") return;
  console.error(error);
  say(error instanceof Error ? error.message : String(error), "error");
}

/**
 * Mark the page as busy until a promise is settled.
 *
 * `<main data-busy>` appears at once; its progress bar only after a moment, so that quick answers do not flicker.
 *
 * @template T
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
export async function during(promise) {
  const main = document.querySelector("main");
  working += 1;
  main.dataset.busy = "";
  if (working === 1) shownAfter = setTimeout(() => main.setAttribute("aria-busy", "true"), 250);
  try {
    return await promise;
  } finally {
    working -= 1;
    if (working === 0) {
      clearTimeout(shownAfter);
      main.removeAttribute("aria-busy");
      delete main.dataset.busy;
    }
  }
}

/** Run what an event asks for: busy meanwhile, and a message where it fails. */
export const attempt = (work) => during(work()).catch(complain);
