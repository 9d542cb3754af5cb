"""Evaluation of models: a protocol for each capability, from the table in `genlab.evaluation.protocols`."""
