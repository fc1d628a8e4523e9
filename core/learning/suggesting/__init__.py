"""From labels to the next ones: what is ticked, what looks alike, what to look at again."""
