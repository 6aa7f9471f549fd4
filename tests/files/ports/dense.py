import tensorflow as tf


class Block(tf.keras.Model):
    def __init__(self, units):
        super().__init__()
        self.units = units
        self.f = tf.keras.layers.Dense(units, activation="sigmoid", bias_initializer="ones")
        self.i = tf.keras.layers.Dense(units, activation="sigmoid")
        self.g = tf.keras.layers.Dense(units, activation="tanh")
        self.o = tf.keras.layers.Dense(units, activation="sigmoid")

    def call(self, inputs):
        h = tf.zeros((tf.shape(inputs)[0], self.units))
        c = tf.zeros((tf.shape(inputs)[0], self.units))
        for x in tf.unstack(inputs, axis=1):
            hx = tf.concat([h, x], axis=-1)
            c = self.f(hx) * c + self.i(hx) * self.g(hx)
            h = self.o(hx) * tf.tanh(c)
        return h
