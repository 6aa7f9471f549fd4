def test_carrier(agrees):
    """Weights put into a model come out as they were, and training starts from them."""
    agrees()
