"""What the peers share. They take shadegrad's flags, data and model files and print its events, so that
`benches/compare` runs all sides alike. Standard library only: a peer needs nothing but its own package."""
import argparse
import gzip
import importlib
import json
import os
import pathlib
import struct
import sys

NOT_HERE = 77  # exit status of a peer whose package or device this machine lacks: skipped, not wrong
NAMES = "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"  # of 784-HIDDEN-10
ALPHA = 0.1  # shadegrad's default


def arguments(**choices):
    """The flags of every peer, and those of one with their choices, the default first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--init", type=pathlib.Path, required=True)
    parser.add_argument("--iters", type=int, default=20)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--save", type=pathlib.Path)
    for name, values in choices.items():
        parser.add_argument(f"--{name}", choices=values, default=values[0])
    return parser.parse_args()


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


def compete(args, about, train, warm_up=3):
    """Times `train(iters)`, which begins at the start weights each time, makes that many iterations, waits
    for the last one, and returns the seconds of its loop and the weights."""
    print(json.dumps({"event": "start", "about": about}))
    train(warm_up)
    seconds, weights = train(args.iters)
    print(json.dumps({"event": "end", "ms_per_iter": seconds * 1e3 / args.iters}))
    if args.save:
        write_model(args.save, weights)
