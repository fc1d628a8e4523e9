"""What labels tell: which order pays, which labels are likely wrong, what more would bring."""
