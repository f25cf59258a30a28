"""The network in PyTorch: eager, or one iteration captured as a CUDA graph and replayed."""
import time

from common import ALPHA, NAMES, arguments, compete, cpus, load, need, read_model, skip

args = arguments(device=["cpu", "cuda"], mode=["eager", "graph"])
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
optimizer = torch.optim.SGD(net.parameters(), lr=ALPHA)


def step():
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()


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


run = captured(step) if args.mode == "graph" else step


def train(iters):
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), start):
            parameter.copy_(value)  # in place: the graph knows the memory, not the name
    synchronize()
    clock = time.perf_counter()
    for _ in range(iters):
        run()
    synchronize()
    return time.perf_counter() - clock, [parameter.detach() for parameter in net.parameters()]


where = torch.cuda.get_device_name() if cuda else f"{torch.get_num_threads()} threads"
compete(args, f"torch {torch.__version__} on {where}, {args.mode}", train)
