"""The commands, by what they are about. Each is one call into the backend."""
