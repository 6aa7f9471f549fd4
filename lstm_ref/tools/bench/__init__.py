"""Benchmarks: what each implementation of a backend costs, beside the floor that its matrix products set."""
