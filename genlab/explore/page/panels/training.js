/** Training: the metrics of this run and others, live while it trains, and its pictures by epoch. */

import { backend } from "genlab/backend.js";
import { chart } from "genlab/chart.js";
import { choice, group, slider, toggle } from "genlab/controls.js";
import { h } from "genlab/dom.js";
import { colourOf } from "genlab/paint.js";
import { keep, number, oneOf, setting } from "genlab/state.js";
import { attempt, complain } from "genlab/status.js";

export const title = "Training";

export const offered = () => true;

const POLL_MS = 2000;

/** Build the panel; see `app.js`. */
export function show(model, page) {
  const runs = page.runs;
  const compared = new Set(
    setting("runs", "")
      .split(",")
      .filter((key) => key && runs.some((run) => run.key === key)),
  );
  const set = {
    across: oneOf("across", ["epochs", "steps"]),
    smooth: number("smooth", 1) === 1,
    log: number("log", 0) === 1,
    tool: setting("tool"),
    epoch: number("epoch", null),
  };
  /** What each run has recorded, by key. */
  const recorded = new Map();

  const curves = h("div", { class: "charts" });
  const pictures = h("div", { class: "epochs" });
  const live = h("p", { class: "live", role: "status", hidden: true }, "Training now");

  async function load(key) {
    recorded.set(key, await backend.training(key));
  }
  function drawCurves() {
    const keys = [model.key, ...compared].filter((key) => recorded.has(key));
    const parts = new Map();
    for (const [i, key] of keys.entries()) {
      for (const [metric, { steps, epochs, values }] of Object.entries(recorded.get(key).metrics)) {
        const [stage, part] = metric.includes("/") ? metric.split(/\/(.*)/) : ["", metric];
        const run = keys.length > 1 ? `${runs.find((each) => each.key === key)?.name ?? key} · ` : "";
        const curve = {
          name: `${run}${stage || part}`,
          dashed: stage === "val",
          x: set.across === "epochs" ? fractional(epochs, steps) : steps,
          y: values,
        };
        const others = parts.get(part) ?? [];
        curve.colour = colourOf(keys.length > 1 ? i : others.length);
        parts.set(part, [...others, curve]);
      }
    }
    const order = [...parts].sort(([a], [b]) => (b === "loss") - (a === "loss"));
    curves.replaceChildren(
      ...order.map(([label, some]) =>
        chart(some, { label, across: set.across, logarithmic: set.log, smooth: set.smooth }),
      ),
    );
    if (!order.length) curves.replaceChildren(h("p", { class: "hint" }, "This run has recorded no metrics."));
    live.hidden = !recorded.get(model.key)?.live;
  }

  /** The pictures of one tool, with a slider over epochs. */
  function drawPictures() {
    const all = recorded.get(model.key).pictures;
    const tools = [...new Set(all.map(({ tool }) => tool))];
    if (!tools.length) return pictures.replaceChildren();
    if (!tools.includes(set.tool)) set.tool = tools[0];
    const some = all.filter(({ tool }) => tool === set.tool).sort((a, b) => a.epoch - b.epoch);
    const found = some.findIndex(({ epoch }) => epoch === set.epoch);
    const image = h("img", { alt: "" });
    const save = h("a", { class: "button quiet", download: "" }, "↓ PNG");
    const showAt = (index) => {
      const { id, epoch } = some[index];
      image.src = backend.pictureUrl(model.key, id);
      image.alt = `${set.tool}, epoch ${epoch}`;
      save.href = image.src;
      save.download = `${model.file}-${id}.png`;
      save.setAttribute("aria-label", `Download ${image.alt} as PNG`);
    };
    const first = found >= 0 ? found : some.length - 1;
    showAt(first);
    pictures.replaceChildren(
      h("h3", {}, "Pictures during training"),
      tools.length > 1
        ? choice({
            label: "Kind",
            options: tools.map((value) => ({ value, label: value })),
            value: set.tool,
            onchange(tool) {
              set.tool = tool;
              keep({ tool });
              drawPictures();
            },
          })
        : "",
      slider({
        label: "Epoch",
        min: 0,
        max: some.length - 1,
        step: 1,
        value: first,
        format: (index) => String(some[index].epoch),
        oninput(index) {
          set.epoch = some[index].epoch;
          keep({ epoch: set.epoch });
          showAt(index);
        },
      }),
      h("figure", { class: "picture sheet" }, image, h("figcaption", {}, h("span", {}, set.tool), save)),
    );
  }

  async function refresh() {
    const before = recorded.get(model.key);
    await Promise.all([...recorded].filter(([, { live: on }]) => on).map(([key]) => load(key)));
    if (page.signal.aborted || before === recorded.get(model.key)) return;
    drawCurves();
    if (before.pictures.length !== recorded.get(model.key).pictures.length) drawPictures();
  }
  const timer = setInterval(() => refresh().catch(complain), POLL_MS);
  page.signal.addEventListener("abort", () => clearInterval(timer));

  const others = runs.filter(({ key }) => key !== model.key);
  const controls = group(
    null,
    live,
    choice({
      label: "Across",
      options: [
        { value: "epochs", label: "Epochs" },
        { value: "steps", label: "Steps" },
      ],
      value: set.across,
      onchange(across) {
        set.across = across;
        keep({ across });
        drawCurves();
      },
    }),
    toggle({
      label: "Smooth",
      value: set.smooth,
      onchange(smooth) {
        set.smooth = smooth;
        keep({ smooth: smooth ? null : 0 });
        drawCurves();
      },
    }),
    toggle({
      label: "Logarithmic",
      value: set.log,
      onchange(log) {
        set.log = log;
        keep({ log: log ? 1 : null });
        drawCurves();
      },
    }),
    others.length
      ? group("Compare with", h("div", { class: "switches" }, ...others.map(({ key, name }) => compare(key, name))))
      : null,
  );
  function compare(key, name) {
    return toggle({
      label: name,
      value: compared.has(key),
      onchange: (on) =>
        attempt(async () => {
          if (on) {
            await load(key);
            compared.add(key);
          } else compared.delete(key);
          keep({ runs: [...compared].join(",") });
          drawCurves();
        }),
    });
  }
  attempt(async () => {
    await Promise.all([model.key, ...compared].map(load));
    drawCurves();
    drawPictures();
  });
  return { controls, view: h("div", { class: "stack" }, curves, pictures) };
}

/** Spread the steps of each epoch over it. */
function fractional(epochs, steps) {
  const perEpoch = (steps.at(-1) + 1) / (epochs.at(-1) + 1);
  return steps.map((step) => (step + 1) / perEpoch);
}
