"""Benchmarks: what each implementation of a backend costs, next to the floor that its matrix products set."""
