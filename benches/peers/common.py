"""What the peers share. They take shadegrad's flags, data and model files and print its events, so that
`benches/compare` runs all sides alike. Standard library only: a peer needs nothing but its own package."""
import argparse
import gzip
import importlib
import json
import math
import os
import pathlib
import struct
import sys

NOT_HERE = 77  # exit status of a peer whose package or device this machine lacks: skipped, not wrong
NAMES = "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"  # of 784-HIDDEN-10
ALPHAS = {"sgd": 0.1, "momentum": 0.1, "adam": 0.001}  # shadegrad's defaults


# The optimizers for peers that bring none: alpha, step from 1, parameter, gradient and two memories that
# begin at 0 -> parameter and memories. Constants are PyTorch's.

def sgd(alpha, t, p, g, m, v):
    return p - alpha * g, m, v


def momentum(alpha, t, p, g, m, v):
    m = 0.9 * m + g
    return p - alpha * m, m, v


def adam(alpha, t, p, g, m, v):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    return p - alpha / (1 - 0.9**t) * m / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8), m, v


RULES = {"sgd": sgd, "momentum": momentum, "adam": adam}


def arguments(**choices):
    """The flags of every peer, and those of one with their choices, the default first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--init", type=pathlib.Path, required=True)
    parser.add_argument("--iters", type=int, default=20)
    parser.add_argument("--batch", type=int, help="mini-batches of so many, for --epochs instead of --iters")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--optimizer", choices=ALPHAS, default="sgd")
    parser.add_argument("--alpha", type=float)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--save", type=pathlib.Path)
    for name, values in choices.items():
        parser.add_argument(f"--{name}", choices=values, default=values[0])
    args = parser.parse_args()
    args.alpha = args.alpha or ALPHAS[args.optimizer]
    return args


def need(package):
    """Imports it. Only its own absence is a skip: a package that is there and broken stays an error."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        skip("not installed")


def skip(reason):
    print(reason, file=sys.stderr)
    sys.exit(NOT_HERE)


def cpus():
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def load(args):
    """Pixels and labels of the training images, a byte each."""
    def body(name, header):
        packed, plain = args.data / f"{name}.gz", args.data / name
        return (gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes())[header:]
    pixels, labels = body("train-images-idx3-ubyte", 16), body("train-labels-idx1-ubyte", 8)
    image = len(pixels) // len(labels)
    count = args.limit or len(labels)
    return pixels[:count * image], labels[:count]


def read_model(path):
    """A safetensors file: name -> (shape, values)."""
    content = path.read_bytes()
    data = 8 + struct.unpack_from("<Q", content)[0]

    def tensor(shape, data_offsets, **_):
        begin, end = data_offsets
        return shape, struct.unpack_from(f"<{(end - begin) // 4}f", content, data + begin)
    header = json.loads(content[8:data])
    return {name: tensor(**entry) for name, entry in header.items() if name != "__metadata__"}


def write_model(path, weights):
    """Writes arrays of any of the packages, in the order of NAMES."""
    header, data = {}, b""
    for name, array in zip(NAMES, weights):
        values = struct.pack(f"<{len(array.ravel())}f", *array.ravel().tolist())
        offsets = [len(data), len(data) + len(values)]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": offsets}
        data += values
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def compete(args, about, images, train, warm_up=3):
    """Times `train(epochs)`, which begins at the start weights each time, goes over the images that often,
    waits for the last iteration, and returns the seconds of its loop and the weights. Without --batch an
    epoch is one iteration."""
    epochs, warm_up = (args.epochs, 1) if args.batch else (args.iters, warm_up)
    iters = epochs * math.ceil(images / (args.batch or images))
    print(json.dumps({"event": "start", "about": about}))
    train(warm_up)
    seconds, weights = train(epochs)
    print(json.dumps({"event": "end", "iters": iters, "ms_per_iter": seconds * 1e3 / iters}))
    if args.save:
        write_model(args.save, weights)
