import tensorflow as tf


class Cell(tf.keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        def three(gate):
            return (self.add_weight(shape=(input_shape[-1], self.units), name=f"W_x{gate}"),
                    self.add_weight(shape=(self.units, self.units), name=f"W_h{gate}"),
                    self.add_weight(shape=(self.units,), initializer="zeros", name=f"b_{gate}"))

        self.W_xi, self.W_hi, self.b_i = three("i")
        self.W_xf, self.W_hf, self.b_f = three("f")
        self.W_xo, self.W_ho, self.b_o = three("o")
        self.W_xc, self.W_hc, self.b_c = three("c")

    def call(self, x, h, c):
        i = tf.sigmoid(x @ self.W_xi + h @ self.W_hi + self.b_i)
        f = tf.sigmoid(x @ self.W_xf + h @ self.W_hf + self.b_f)
        o = tf.sigmoid(x @ self.W_xo + h @ self.W_ho + self.b_o)
        c_tilde = tf.tanh(x @ self.W_xc + h @ self.W_hc + self.b_c)
        c = f * c + i * c_tilde
        return o * tf.tanh(c), c
