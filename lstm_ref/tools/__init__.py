"""What is built on the backends: chapters, training, benchmarks, curves, the reproduction and the exercises."""
