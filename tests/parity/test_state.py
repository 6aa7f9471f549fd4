def test_state(agrees):
    """The initial H and C are two separate arrays of zeros."""
    agrees()
