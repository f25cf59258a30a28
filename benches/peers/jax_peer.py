"""The network in JAX: the whole loop compiled as one scan, or that over the mini-batches of an epoch, on the
platform and in the precision of matrix products that JAX picks by itself (on recent NVIDIA GPUs the latter is
TF32)."""
import functools
import time

from common import NAMES, RULES, arguments, compete, load, need, read_model

args = arguments()
jax = need("jax")
jnp = jax.numpy
rule = RULES[args.optimizer]
pixels, labels = (jnp.array(bytearray(part), jnp.uint8) for part in load(args))
x = pixels.reshape(len(labels), -1).astype(jnp.float32) / 255
model = read_model(args.init)
# JAX users write x @ w: (inputs, outputs). The transpose of a bias is the bias.
start = tuple(jnp.array(values, jnp.float32).reshape(shape).T for shape, values in map(model.get, NAMES))
y = jax.nn.one_hot(labels, len(start[3]))


def loss(p, x, y):
    w1, b1, w2, b2 = p
    z2 = jax.nn.relu(x @ w1 + b1) @ w2 + b2
    return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(z2), 1))


def step(state, x, y):
    t, p, m, v = state
    g = jax.grad(loss)(p, x, y)
    return t + 1, *zip(*(rule(args.alpha, t, *each) for each in zip(p, g, m, v)))


@functools.partial(jax.jit, static_argnums=3)
def scan(state, x, y, iters):
    return jax.lax.scan(lambda state, _: (step(state, x, y), None), state, None, length=iters)[0]


@jax.jit
def scan_epoch(state, x, y, key):
    """The whole batches of an epoch, and which samples are left."""
    whole = len(x) // args.batch
    order = jax.random.permutation(key, len(x))
    index, rest = order[:whole * args.batch].reshape(whole, args.batch), order[whole * args.batch:]
    return jax.lax.scan(lambda state, i: (step(state, x[i], y[i]), None), state, index)[0], rest


@jax.jit
def last_batch(state, x, y, index):
    return step(state, x[index], y[index])


def run(state, epochs):
    if not args.batch:
        return scan(state, x, y, epochs)
    for number in range(epochs):
        state, rest = scan_epoch(state, x, y, jax.random.key(number))
        if len(rest):
            state = last_batch(state, x, y, rest)
    return state


def train(epochs):
    zeros = tuple(map(jnp.zeros_like, start))
    clock = time.perf_counter()
    _, p, _, _ = jax.block_until_ready(run((jnp.int32(1), start, zeros, zeros), epochs))
    return time.perf_counter() - clock, [parameter.T for parameter in p]


device = jax.devices()[0]
scans = "one scan an epoch" if args.batch else "one scan"
about = f"jax {jax.__version__} on {device.platform} ({device.device_kind}), {scans}"
compete(args, about, len(labels), train, warm_up=args.iters)  # another length would be another compilation
