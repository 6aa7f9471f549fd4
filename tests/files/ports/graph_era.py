"""A step as it was written for TensorFlow before version 1: a builder, dicts, the state packed in one tensor."""
import tensorflow as tf

from layers.base import Builder


class Memory(Builder):
    def __init__(self, in_dim, hid_dim, scope="memory"):
        super(Memory, self).__init__()
        self.in_dim = in_dim
        self.hid_dim = hid_dim
        self.scope = scope
        self.log.info("%d units" % hid_dim)

    def build(self, data):
        self.make_once()
        x, past = data["x"], data["state"]
        with tf.variable_scope(self.scope):
            c = past[:, :self.hid_dim]
            h = past[:, self.hid_dim:]
            i = tf.sigmoid(tf.add(tf.matmul(x, self.W_xi) + tf.matmul(h, self.W_hi), self.b_i))
            f = tf.sigmoid(tf.add(tf.matmul(x, self.W_xf) + tf.matmul(h, self.W_hf), self.b_f))
            o = tf.sigmoid(tf.add(tf.matmul(x, self.W_xo) + tf.matmul(h, self.W_ho), self.b_o))
            u = tf.tanh(tf.add(tf.matmul(x, self.W_xu) + tf.matmul(h, self.W_hu), self.b_u))
            c = tf.mul(f, c) + tf.mul(i, u)
            h = tf.mul(o, tf.tanh(c))
            return {"state": tf.concat(1, [c, h])}
