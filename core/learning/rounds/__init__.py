"""A round: what is asked of it, its plan, its scores as published, and what came of it."""
