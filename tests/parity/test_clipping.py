def test_clipping(agrees):
    """Clipping by the global norm: above, below and at theta, tiny, zero, and with one huge element."""
    agrees()
