def test_rnn(agrees):
    """The vanilla RNN: outputs, last H, the loss and its five gradients."""
    agrees()
