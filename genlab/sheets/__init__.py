"""Sheets: what a model does with a batch, as titled and labelled grids of images.

Each function turns a model, images and a random generator into a `Sheet`; tools and training draw these. In Python,
`genlab.sheets.reconstructions(model, images).figure()` is a matplotlib figure. A model is used in its current mode;
`genlab.load` returns it in evaluation mode.
"""

from genlab.pictures.drawing import ColorMap, Sheet, save
from genlab.pictures.lines import Lines
from genlab.sheets.grids import in_rows, number, of_samples, stacked
from genlab.sheets.of_codes import edits, interpolations, interpolations_of_four, manifold, moves, transfers, traversals
from genlab.sheets.of_images import features, on_the_way, reconstructions, samples, samples_by_condition, translations
from genlab.sheets.of_styles import mixes, noises
from genlab.sheets.training import in_training, subject_of, translation_name

__all__ = [
    "ColorMap",
    "Lines",
    "Sheet",
    "edits",
    "features",
    "in_rows",
    "in_training",
    "interpolations",
    "interpolations_of_four",
    "manifold",
    "mixes",
    "moves",
    "noises",
    "number",
    "of_samples",
    "on_the_way",
    "reconstructions",
    "samples",
    "samples_by_condition",
    "save",
    "stacked",
    "subject_of",
    "transfers",
    "translation_name",
    "translations",
    "traversals",
]
