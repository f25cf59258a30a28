"""The network in JAX: the whole loop compiled as one scan, on the platform and in the precision of matrix
products that JAX picks by itself (on recent NVIDIA GPUs the latter is TF32)."""
import functools
import time

from common import ALPHA, NAMES, arguments, compete, load, need, read_model

args = arguments()
jax = need("jax")
jnp = jax.numpy
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


@functools.partial(jax.jit, static_argnums=3)
def scan(p, x, y, iters):
    def step(p, _):
        gradient = jax.grad(loss)(p, x, y)
        return jax.tree.map(lambda a, b: a - ALPHA * b, p, gradient), None
    return jax.lax.scan(step, p, None, length=iters)[0]


def train(iters):
    clock = time.perf_counter()
    p = jax.block_until_ready(scan(start, x, y, iters))
    return time.perf_counter() - clock, [parameter.T for parameter in p]


device = jax.devices()[0]
about = f"jax {jax.__version__} on {device.platform} ({device.device_kind}), one scan"
compete(args, about, train, warm_up=args.iters)  # another length would be another compilation
