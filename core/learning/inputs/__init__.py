"""What a round is planned from: embeddings, losses and labels, gathered, checked, and whose."""
