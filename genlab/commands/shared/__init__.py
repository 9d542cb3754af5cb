"""What several tool commands need: a trained model with its data, the images that it is shown, and conditions."""
