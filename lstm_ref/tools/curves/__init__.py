"""Perplexity curves: read, compared with healthy runs and with runs under each training mistake, and drawn."""
