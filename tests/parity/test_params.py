def test_params(agrees):
    """Names, order, shapes, dtype, trainability, zero biases, distribution and seed of the parameters."""
    agrees()
