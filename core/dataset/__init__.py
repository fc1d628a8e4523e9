"""From annotations to a dataset to train on, and a report on what is wrong with it."""
