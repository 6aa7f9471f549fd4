def test_chunks(agrees):
    """Two halves with the state carried over are one sequence."""
    agrees()
