"""Pictures: grids of images, training curves and maps of codes, as matplotlib figures and as files."""
