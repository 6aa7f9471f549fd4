def test_not_finite(agrees):
    """NaN and infinity in the inputs come out where the reference has them, and nowhere else."""
    agrees()
