"""Orders: which unlabeled images to label first.

Each order is a small pure function from arrays to an `Order`. Rows stand for images; what tag a row
has is the caller's business, and so is publishing. `ranking.py` knows them by name.
"""
