"""Classes that change their name: in the labeling config, on the server, in files."""
