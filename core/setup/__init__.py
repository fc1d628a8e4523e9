"""The set-up as a checklist, what is wrong with it, and an example to try."""
