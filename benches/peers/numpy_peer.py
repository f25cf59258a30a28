"""The network in NumPy, the way it is usually written: samples are columns, one formula a line."""
import time

from common import NAMES, RULES, arguments, compete, load, need, read_model, skip

args = arguments(dtype=["f32", "f64"])
if args.batch and args.dtype == "f64":
    skip("no mini-batches")
np = need("numpy")
dtype = {"f32": np.float32, "f64": np.float64}[args.dtype]
rule = RULES[args.optimizer]
pixels, labels = (np.frombuffer(part, np.uint8) for part in load(args))
images = pixels.reshape(len(labels), -1).astype(dtype) / dtype(255)
model = read_model(args.init)
start = [np.array(values, dtype).reshape(shape) for shape, values in map(model.get, NAMES)]
targets = np.eye(len(start[3]), dtype=dtype)[labels]
random = np.random.default_rng()


def full_batch(iters):
    x, y = (np.ascontiguousarray(rows.T) for rows in (images, targets))
    alpha, m = dtype(args.alpha), len(labels)
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
    return time.perf_counter() - clock, (w1, b1, w2, b2)


def batches():
    """Those of an epoch, in a new order."""
    order = random.permutation(len(labels))
    for begin in range(0, len(order), args.batch):
        index = order[begin:begin + args.batch]
        yield images[index].T, targets[index].T


def gradients(parameters, x, y):
    w1, b1, w2, b2 = parameters
    m = x.shape[1]
    z1 = w1 @ x + b1
    a1 = np.maximum(z1, 0)
    z2 = w2 @ a1 + b2
    e = np.exp(z2 - z2.max(0))
    dz2 = e / e.sum(0) - y
    dz1 = (w2.T @ dz2) * (z1 > 0)
    sums = dz1 @ x.T, dz1.sum(1, keepdims=True), dz2 @ a1.T, dz2.sum(1, keepdims=True)
    return [total / m for total in sums]


def mini_batches(epochs):
    p = [parameter.reshape(len(parameter), -1) for parameter in start]
    m = v = [np.zeros_like(parameter) for parameter in p]
    t = 0
    clock = time.perf_counter()
    for _ in range(epochs):
        for x, y in batches():
            t += 1
            g = gradients(p, x, y)
            p, m, v = zip(*(rule(args.alpha, t, *each) for each in zip(p, g, m, v)))
    return time.perf_counter() - clock, p


def train(epochs):
    seconds, (w1, b1, w2, b2) = (mini_batches if args.batch else full_batch)(epochs)
    return seconds, (w1, b1.ravel(), w2, b2.ravel())


try:
    blas = "{name} {version}".format(**np.show_config(mode="dicts")["Build Dependencies"]["blas"])
except (TypeError, KeyError):  # NumPy before 1.25
    blas = "BLAS unknown"
compete(args, f"numpy {np.__version__} ({blas})", len(labels), train)
