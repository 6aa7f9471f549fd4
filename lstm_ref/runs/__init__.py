"""Training runs from the command line: settings, checkpoints, logs and curves; and the book's results, reproduced."""
