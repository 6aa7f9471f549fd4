def test_trajectory(agrees):
    """Loss of every minibatch of several epochs, and the parameters after them, for both ways of sampling."""
    agrees()
