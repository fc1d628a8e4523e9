"""Everything labelpilot can do, without a terminal: no module here imports textual or rich."""
