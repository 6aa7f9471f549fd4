import numpy as np

W_XI = W_XF = W_XO = W_XC = np.zeros((2, 3))
W_HI = W_HF = W_HO = W_HC = np.zeros((2, 2))
B_I = B_F = B_O = B_C = np.zeros((2, 1))


def squash(v):
    return 1 / (1 + np.exp(-v))


def sigmoid(v):
    return squash(v)


def lstm_step(x_t, h_prev, c_prev):
    keep = sigmoid(W_XF @ x_t + W_HF @ h_prev + B_F)
    forget, write = keep, sigmoid(W_XI @ x_t + W_HI @ h_prev + B_I)
    show = sigmoid(W_XO @ x_t + W_HO @ h_prev + B_O)
    candidate = np.tanh(W_XC @ x_t + W_HC @ h_prev + B_C)
    cell = forget * c_prev + write * candidate
    return {"F": forget, "H": show * np.tanh(cell), "C": cell}
