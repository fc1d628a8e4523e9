"""The formats that a dataset is written in."""
