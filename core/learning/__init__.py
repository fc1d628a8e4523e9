"""From a dataset and a model to an order: which images to label next."""
