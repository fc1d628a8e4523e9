"""The workspace: its settings, its own folder, and one labelpilot at a time in it."""
