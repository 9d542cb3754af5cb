/** Controls of models that sample in steps: sampler, number of steps, guidance. */

import { plain, select, slider } from "genlab/controls.js";
import { number, oneOf, whole } from "genlab/state.js";

const NAMES = {
  dpm: "DPM-Solver++(2M)",
  heun: "Heun",
  euler: "Euler",
  ddim: "DDIM",
  ancestral: "Ancestral (DDPM)",
};
/** Largest guidance. */
const STRONGEST = 6;

/** Whether a model encodes and decodes in steps, as one does that denoises: slowly. */
export const isSlow = ({ steps }) => Boolean(steps?.samplers.length);

/**
 * How to sample, as the address says; nothing for a model that does not sample in steps.
 *
 * @returns {{sampler?: string, steps?: number, guidance?: number}}
 */
export function howToSample({ steps }) {
  if (!steps) return {};
  return {
    ...(steps.samplers.length ? { sampler: oneOf("sampler", steps.samplers, "dpm") } : {}),
    steps: whole("steps", steps.usual, 1, steps.most),
    ...(steps.guided ? { guidance: number("guidance", 1, 0, STRONGEST) } : {}),
  };
}

/**
 * Controls of these settings; none for a model that does not sample in steps.
 *
 * @param {import("./model.js").Model} model
 * @param {{sampler?: string, steps?: number, guidance?: number}} set
 * @param {(changes: object, event?: Event) => void} onchange
 * @returns {HTMLElement[]}
 */
export function stepControls({ about: { steps } }, set, onchange) {
  if (!steps) return [];
  const sampler = () =>
    select({
      label: "Sampler",
      options: steps.samplers.map((value) => ({ value, label: NAMES[value] ?? value })),
      value: set.sampler,
      onchange: (value) => onchange({ sampler: value }),
    });
  const count = slider({
    label: "Steps",
    min: 1,
    max: steps.most,
    step: 1,
    value: set.steps,
    format: String,
    oninput: (value, event) => onchange({ steps: value }, event),
  });
  const guidance = () =>
    slider({
      label: "Guidance",
      min: 0,
      max: STRONGEST,
      step: 0.1,
      value: set.guidance,
      format: (value) => plain(value, 1),
      oninput: (value, event) => onchange({ guidance: value }, event),
    });
  return [...(steps.samplers.length ? [sampler()] : []), count, ...(steps.guided ? [guidance()] : [])];
}
