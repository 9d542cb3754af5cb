"""Code shared by tool commands: a trained model with its data, the images to look at, and conditions."""
