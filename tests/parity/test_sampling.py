def test_sampling(agrees):
    """The minibatches of two epochs, by sequential partition and by random sampling."""
    agrees()
