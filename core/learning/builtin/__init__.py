"""What labelpilot fits itself, from the user's embeddings and labels."""
