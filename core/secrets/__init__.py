"""Tokens and passwords: where they are kept, found and masked."""
