"""The network in NumPy, the way it is usually written: samples are columns, one formula a line."""
import time

from common import ALPHA, NAMES, arguments, compete, load, need, read_model

args = arguments(dtype=["f32", "f64"])
np = need("numpy")
dtype = {"f32": np.float32, "f64": np.float64}[args.dtype]
alpha = dtype(ALPHA)
pixels, labels = (np.frombuffer(part, np.uint8) for part in load(args))
m = len(labels)
x = np.ascontiguousarray(pixels.reshape(m, -1).T.astype(dtype) / dtype(255))
model = read_model(args.init)
start = [np.array(values, dtype).reshape(shape) for shape, values in map(model.get, NAMES)]
y = np.zeros((len(start[3]), m), dtype)
y[labels, np.arange(m)] = 1


def train(iters):
    w1, b1, w2, b2 = (p.reshape(len(p), -1).copy() for p in start)
    clock = time.perf_counter()
    for _ in range(iters):
        z1 = w1 @ x + b1
        a1 = np.maximum(z1, 0)
        z2 = w2 @ a1 + b2
        e = np.exp(z2 - z2.max(0))
        a2 = e / e.sum(0)
        dz2 = a2 - y
        dw2, db2 = dz2 @ a1.T / m, dz2.sum(1, keepdims=True) / m
        dz1 = (w2.T @ dz2) * (z1 > 0)
        dw1, db1 = dz1 @ x.T / m, dz1.sum(1, keepdims=True) / m
        w1 -= alpha * dw1
        b1 -= alpha * db1
        w2 -= alpha * dw2
        b2 -= alpha * db2
    return time.perf_counter() - clock, (w1, b1.ravel(), w2, b2.ravel())


try:
    blas = "{name} {version}".format(**np.show_config(mode="dicts")["Build Dependencies"]["blas"])
except (TypeError, KeyError):  # NumPy before 1.25
    blas = "BLAS unknown"
compete(args, f"numpy {np.__version__} ({blas})", train)
