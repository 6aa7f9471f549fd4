def test_forward(agrees):
    """Outputs, H and C of every time step, run at once and step by step."""
    agrees()
