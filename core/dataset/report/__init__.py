"""The health report: what is wrong with a dataset, as a page, text or JSON."""
