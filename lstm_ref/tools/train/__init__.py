"""Training runs from the command line: settings, checkpoints, logs and curves."""
