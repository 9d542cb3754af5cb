/**
 * The page: a chooser of runs, and panels for what the chosen model can do.
 *
 * A panel is a module with a `title`, `offered(description)`, and `show(model, page)`, which returns its controls and
 * its view: elements that stand beside each other, or below each other where it is narrow.
 *
 * @typedef {object} Page what a panel is told of the page
 * @property {import("./served.js").Run[]} runs
 * @property {AbortSignal} signal aborted when the panel is left
 * @property {(panel: string) => boolean} offers whether there is a panel
 * @property {(panel: string, settings: Object<string, string>) => void} goTo show another panel
 */

import { backend } from "genlab/backend.js";
import { brief } from "genlab/chart.js";
import { h } from "genlab/dom.js";
import { openModel, untrained } from "genlab/model.js";
import * as attributes from "genlab/panels/attributes.js";
import * as interpolation from "genlab/panels/interpolation.js";
import * as map from "genlab/panels/map.js";
import * as reconstruction from "genlab/panels/reconstruction.js";
import * as samples from "genlab/panels/samples.js";
import * as sliders from "genlab/panels/sliders.js";
import * as training from "genlab/panels/training.js";
import * as translation from "genlab/panels/translation.js";
import { beginAt, flush, go, link, setting, whenMoved } from "genlab/state.js";
import { attempt, complain, say } from "genlab/status.js";
import { startTheme } from "genlab/theme.js";

const PANELS = { samples, map, sliders, attributes, interpolation, translation, reconstruction, training };

const main = document.querySelector("main");
const tabs = document.getElementById("tabs");
const runName = document.getElementById("run");

/** The model that is open, or null. */
let model = null;
let runs = [];
let left = new AbortController();

/** Show what the address says. */
async function showPlace() {
  left.abort();
  left = new AbortController();
  const key = setting("run");
  if (!key) return showChooser();
  if (model?.key !== key) {
    model = null;
    tabs.replaceChildren();
    const run = runs.find((each) => each.key === key);
    runName.textContent = run?.name ?? key;
    main.replaceChildren(h("p", { class: "opening" }, `Opening ${runName.textContent} …`));
    try {
      const opened = run?.opens === false ? untrained(key) : await openModel(key);
      if (setting("run") !== key) return null;
      model = opened;
    } catch (error) {
      complain(error);
      return showChooser();
    }
    runName.title = model.about.title;
    say(model.about.notes?.[0] ?? "");
    showTabs();
  }
  return showPanel();
}

const offers = (id) => PANELS[id]?.offered(model.about) ?? false;

function showTabs() {
  const ids = Object.keys(PANELS).filter(offers);
  tabs.replaceChildren(
    ...ids.map((id) =>
      h(
        "a",
        {
          role: "tab",
          id: `tab-${id}`,
          "aria-controls": "panel",
          href: link({ run: model.key, panel: id }),
          onclick: (event) => visit(event, id),
        },
        PANELS[id].title,
      ),
    ),
  );
}

function visit(event, id) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  goTo(id);
}

function goTo(panel, settings = {}) {
  say("");
  go({ run: model.key, panel, ...settings });
  attempt(showPlace);
}

function showPanel() {
  const asked = setting("panel");
  const id = offers(asked) ? asked : Object.keys(PANELS).find(offers);
  for (const tab of tabs.children) {
    const chosen = tab.id === `tab-${id}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    if (chosen) tab.scrollIntoView({ block: "nearest", inline: "center" });
  }
  document.title = `${PANELS[id].title} · ${runName.textContent} · genlab explore`;
  main.setAttribute("role", "tabpanel");
  main.setAttribute("aria-labelledby", `tab-${id}`);
  const { controls, view } = PANELS[id].show(model, { runs, signal: left.signal, offers, goTo });
  main.replaceChildren(
    h("div", { class: `panel of-${id}` }, h("div", { class: "controls" }, controls), h("div", { class: "view" }, view)),
  );
}

/** Arrow keys go from tab to tab. */
tabs.addEventListener("keydown", (event) => {
  const all = [...tabs.children];
  const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const at = all.indexOf(document.activeElement);
  const next = Number.isFinite(steps[event.key])
    ? (at + steps[event.key] + all.length) % all.length
    : event.key === "Home"
      ? 0
      : all.length - 1;
  goTo(all[next].id.replace("tab-", ""));
  all[next].focus();
});

/** Show all runs. */
async function showChooser() {
  model = null;
  tabs.replaceChildren();
  runName.textContent = "";
  document.title = "genlab explore";
  main.removeAttribute("role");
  main.removeAttribute("aria-labelledby");
  ({ runs } = await backend.runs());
  main.replaceChildren(
    h("h1", {}, "Choose a run"),
    runs.length
      ? h("ul", { class: "runs" }, ...runs.map(card))
      : h("p", { class: "hint" }, "There are no runs yet: train one with genlab fit."),
  );
}

function card({ key, name, model: kind, data, epochs, metric, picture, opens }) {
  const facts = [
    [kind, data].filter(Boolean).join(" of "),
    epochs == null ? null : `${epochs} epoch${epochs === 1 ? "" : "s"}`,
    metric && `${metric.name} ${brief(metric.value)}`,
  ].filter(Boolean);
  const image = picture
    ? h("img", { src: backend.thumbnailUrl(key), alt: "", loading: "lazy" })
    : h("div", { class: "blank", "aria-hidden": "true" }, kind || "checkpoint");
  const told = [image, h("strong", {}, name), ...facts.map((fact) => h("span", {}, fact))];
  if (!opens) told.push(h("em", {}, "no checkpoint yet"));
  return h(
    "li",
    {},
    h("a", { class: "card", href: link({ run: key }), onclick: (event) => open(event, key) }, ...told),
  );
}

function open(event, key) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  say("");
  go({ run: key });
  attempt(showPlace);
}

for (const id of ["home", "all-runs"]) {
  document.getElementById(id).addEventListener("click", (event) => {
    event.preventDefault();
    say("");
    go({ panel: "runs" });
    attempt(showPlace);
  });
}
const copying = document.getElementById("copy-link");
copying.hidden = !navigator.clipboard; // which browsers keep from addresses that are neither local nor encrypted
copying.addEventListener("click", () =>
  attempt(async () => {
    flush();
    await navigator.clipboard.writeText(location.href);
    say("A link to what you see was copied to the clipboard.");
  }),
);
document.getElementById("dismiss").addEventListener("click", () => say(""));
startTheme(document.getElementById("theme"));
addEventListener("unhandledrejection", (event) => complain(event.reason));
whenMoved(() => attempt(showPlace));

await attempt(async () => {
  const found = await backend.runs();
  runs = found.runs;
  if (found.chosen) beginAt({ run: found.chosen });
  await showPlace();
});
