"""What is built on the backends: chapters, training, benchmarks, curves and the reproduction."""
