"""Parts of several tool commands: a trained model with its data, the images that it is shown, and conditions."""
