"""The network in PyTorch: eager, or one iteration captured as a CUDA graph and replayed. The data lie on the
device as floats, and mini-batches are picked from them there, without a DataLoader."""
import functools
import time

from common import NAMES, arguments, compete, cpus, load, need, read_model, skip

args = arguments(device=["cpu", "cuda"], mode=["eager", "graph"])
if args.batch and args.mode == "graph":
    skip("no mini-batches")
torch = need("torch")
cuda = args.device == "cuda"
if cuda and not torch.cuda.is_available():
    skip("no CUDA device")
torch.set_num_threads(cpus())  # by itself it would use physical cores only
pixels, labels = (torch.frombuffer(bytearray(part), dtype=torch.uint8) for part in load(args))
x = (pixels.reshape(len(labels), -1).float() / 255).to(args.device)
y = labels.long().to(args.device)
model = read_model(args.init)
start = [torch.tensor(values).reshape(shape) for shape, values in map(model.get, NAMES)]
hidden, inputs = start[0].shape
layers = torch.nn.Linear(inputs, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, len(start[3]))
net = torch.nn.Sequential(*layers).to(args.device)
OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "momentum": functools.partial(torch.optim.SGD, momentum=0.9),
    "adam": torch.optim.Adam,
}
# Fused is what PyTorch calls its fastest and does not take by itself. On two CPU cores a step of adam took half
# the time of the default, one of momentum 0.8 of it; for sgd it made no difference.
options = {"fused": True} if args.batch else {}
optimizer = OPTIMIZERS[args.optimizer](net.parameters(), lr=args.alpha, **options)


def step(x=x, y=y):
    optimizer.zero_grad(set_to_none=True)
    torch.nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()


def epoch():
    for index in torch.randperm(len(x), device=args.device).split(args.batch):
        step(x[index], y[index])


def captured(step):
    """PyTorch asks for some iterations on another stream before a capture."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def synchronize():
    if cuda:
        torch.cuda.synchronize()


if args.batch:
    run = epoch
else:
    run = captured(step) if args.mode == "graph" else step


def train(epochs):
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), start):
            parameter.copy_(value)  # in place: the graph knows the memory, not the name
    optimizer.state.clear()
    synchronize()
    clock = time.perf_counter()
    for _ in range(epochs):
        run()
    synchronize()
    return time.perf_counter() - clock, [parameter.detach() for parameter in net.parameters()]


where = torch.cuda.get_device_name() if cuda else f"{torch.get_num_threads()} threads"
compete(args, f"torch {torch.__version__} on {where}, {args.mode}", len(x), train)
