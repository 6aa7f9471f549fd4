import jax
import jax.numpy as jnp


class LSTM:
    def __init__(self, seed, input_dim, hidden_dim):
        keys = jax.random.split(jax.random.PRNGKey(seed), 4)
        self.wf, self.wi, self.wc, self.wo = (jax.random.normal(key, (hidden_dim, hidden_dim + input_dim)) for key in keys)
        self.bf = self.bi = self.bc = self.bo = jnp.zeros((hidden_dim,))

    def gate(self, w, b, h, x):
        return jax.nn.sigmoid(w @ jnp.concatenate([h, x]) + b)

    def forward(self, x_cur, h_prev, c_prev):
        z = jnp.concatenate([h_prev, x_cur])
        f = jax.nn.sigmoid(self.wf @ z + self.bf)
        i = jax.nn.sigmoid(self.wi @ z + self.bi)
        o = jax.nn.sigmoid(self.wo @ z + self.bo)
        c_hat = jnp.tanh(self.wc @ z + self.bc)
        c = jnp.dot(f, c_prev) + jnp.dot(i, c_hat)
        h = o * jnp.tanh(c)
        return c, h
