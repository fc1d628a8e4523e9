"""The user's own code, run in their own Python, and the vectors that it gives."""
