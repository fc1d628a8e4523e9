"""From tasks to annotations: the label stream, and the tab that gives its order."""
