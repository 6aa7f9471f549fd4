def test_bad_input(agrees):
    """What the reference refuses is refused in the same words."""
    agrees()
