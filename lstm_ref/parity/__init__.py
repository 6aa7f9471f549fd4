"""The judge: compares an implementation with the reference, by the rounding that honest arithmetic allows."""
