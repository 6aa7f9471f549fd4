def test_prediction(agrees):
    """What predict_ch8 writes, character by character, warm-up included."""
    agrees()
