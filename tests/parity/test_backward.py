def test_backward(agrees):
    """The loss and its gradients by all 14 parameters."""
    agrees()
