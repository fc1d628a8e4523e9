"""The index: a project's tasks as they were seen last, proven before they are believed."""
