"""Drawings: grids of images, curves of training and maps of codes, as matplotlib figures and as files."""
