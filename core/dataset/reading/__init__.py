"""What Label Studio wrote of annotations, read into records: fast, and once."""
