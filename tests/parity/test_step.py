def test_step(agrees):
    """All 14 parameters after one training step."""
    agrees()
