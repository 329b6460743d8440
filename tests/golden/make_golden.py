"""Writes the golden numbers beside this file: what PyTorch and snnTorch compute, for the tests to compare with.

    python -m venv venv && venv/bin/pip install torch snntorch numpy safetensors
    FF_DATA_DIR=/directory/of/mnist venv/bin/python tests/golden/make_golden.py

The tests read the JSON files and need no Python. Numbers are written with enough digits to read back the same f32.
"""

import gzip
import json
import os
import struct
from pathlib import Path

import snntorch
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from snntorch import surrogate
from torch.utils.data import DataLoader, Dataset

HERE = Path(__file__).parent
VERSIONS = {"torch": torch.__version__.split("+")[0], "snntorch": snntorch.__version__}


def write(name, content):
    text = json.dumps({"versions": VERSIONS, **content}, separators=(",", ":"))
    (HERE / name).write_text(text + "\n")
    print(name, len(text), "bytes")


def fnv(words):
    """FNV-1a, 64 bits, over little-endian 32-bit words."""
    h = 0xCBF29CE484222325
    for byte in struct.pack(f"<{len(words)}I", *words):
        h = ((h ^ byte) * 0x100000001B3) & (2**64 - 1)
    return f"{h:016x}"


def bits(t):
    return t.detach().contiguous().view(torch.int32).flatten().to(torch.int64).bitwise_and(0xFFFFFFFF).tolist()


# --- the tutorial -----------------------------------------------------------------------------------------------


class Idx(Dataset):
    def __init__(self, part):
        folder = Path(os.environ["FF_DATA_DIR"])
        raw = gzip.open(folder / f"{part}-images-idx3-ubyte.gz").read()
        labels = gzip.open(folder / f"{part}-labels-idx1-ubyte.gz").read()
        self.x = torch.tensor(bytearray(raw[16:]), dtype=torch.uint8).view(-1, 784)
        self.y = torch.tensor(bytearray(labels[8:]), dtype=torch.int64)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i].float().div(255), self.y[i]


def overlay(x, y):
    out = x.clone()
    out[:, :10] = 0
    out[torch.arange(len(x)), y] = x.max()
    return out


class GoldenLayer(torch.nn.Linear):
    """A layer as in the tutorial: one time step, so the LIF's membrane is the current itself."""

    def __init__(self, n_in, n_out, lif):
        super().__init__(n_in, n_out, bias=False)
        self.neuron = snntorch.Leaky(beta=0.8) if lif else None
        self.adam = torch.optim.Adam(self.parameters(), lr=0.03)

    def forward(self, x):
        current = (x / (x.norm(2, 1, keepdim=True) + 1e-4)) @ self.weight.T
        if self.neuron is None:
            return current.relu()
        return self.neuron(current, self.neuron.init_leaky())[1]

    def fit(self, pos, neg, steps=1000):
        losses = []
        for _ in range(steps):
            g_pos, g_neg = self(pos).pow(2).mean(1), self(neg).pow(2).mean(1)
            loss = F.softplus(torch.cat([5.0 - g_pos, g_neg - 5.0])).mean()
            self.adam.zero_grad()
            loss.backward()
            self.adam.step()
            losses.append(loss.item())
        return losses


def predict(layers, x):
    scores = []
    for label in range(10):
        h, total = overlay(x, torch.full((len(x),), label)), 0
        for layer in layers:
            h = layer(h)
            total = total + h.pow(2).mean(1)
        scores.append(total)
    return torch.stack(scores, 1).argmax(1)


def tutorial():
    train, test = Idx("train"), Idx("t10k")
    error = lambda layers, x, y: 100 * (1 - predict(layers, x).eq(y).float().mean().item())
    torch.manual_seed(123)
    train_loader = DataLoader(train, batch_size=128, shuffle=True)
    test_loader = DataLoader(train, batch_size=128, shuffle=False)
    order_spy = []
    original = torch.randperm

    def spy(n, *args, **kwargs):
        drawn = original(n, *args, **kwargs)
        order_spy.append((n, drawn))
        return drawn

    torch.randperm = spy
    runs = {}
    for activation in ["lif", "relu"]:
        layers = [GoldenLayer(784, 500, activation == "lif"), GoldenLayer(500, 500, activation == "lif")]
        weights = [layer.weight.clone() for layer in layers]
        order_spy.clear()
        x, y = next(iter(train_loader))
        order = [drawn for n, drawn in order_spy if n == len(train)][0]
        permutation = torch.randperm(128)
        pos, neg = overlay(x, y), overlay(x, y[permutation])
        losses = []
        for layer in layers:
            losses.append(layer.fit(pos, neg))
            with torch.no_grad():
                pos, neg = layer(pos), layer(neg)
        with torch.no_grad():
            x_te, y_te = next(iter(test_loader))
            true = torch.stack([test[i][0] for i in range(len(test))])
            runs[activation] = {
                "weight_fnv": [fnv(bits(w)) for w in weights],
                "weight_first": [w.flatten()[:8].tolist() for w in weights],
                "order_first": order[:128].tolist(),
                "order_fnv": fnv(order.tolist()),
                "permutation": permutation.tolist(),
                "same_label": int((y == y[permutation]).sum()),
                "losses": {str(s): [loss[s - 1] for loss in losses] for s in [1, 2, 3, 10, 100, 1000]},
                "train_error": error(layers, x, y),
                "tutorial_test_error": error(layers, x_te, y_te),
                "true_test_error": error(layers, true, test.y),
            }
    torch.randperm = original
    write("tutorial.json", {"seed": 123, **runs})


# --- neurons ----------------------------------------------------------------------------------------------------


class Window(torch.autograd.Function):
    """A spike whose derivative is `shape(u)`; for the surrogates that snnTorch does not have in this form."""

    @staticmethod
    def forward(ctx, u, shape):
        ctx.save_for_backward(u)
        ctx.shape = shape
        return (u > 0).to(u)

    @staticmethod
    def backward(ctx, grad):
        (u,) = ctx.saved_tensors
        return grad * ctx.shape(u), None


SURROGATES = {
    "atan": surrogate.atan(alpha=2.0),
    "fast_sigmoid": surrogate.fast_sigmoid(slope=25),
    "triangle": lambda u: Window.apply(u, lambda u: (1 - u.abs()).clamp(min=0)),
    "boxcar": lambda u: Window.apply(u, lambda u: (u.abs() < 0.5).to(u)),
}
RESETS = ["subtract", "zero", "none"]


def scan(current, steps, beta, reset, spike):
    """Membranes and spikes of snnTorch's Leaky; `current` [B, n] for every step, or [T, B, n]."""
    neuron = snntorch.Leaky(beta=beta, threshold=1.0, reset_mechanism=reset, spike_grad=spike)
    mem, mems, spks = neuron.init_leaky(), [], []
    for t in range(steps):
        spk, mem = neuron(current[t] if current.dim() == 3 else current, mem)
        mems.append(mem)
        spks.append(spk)
    return torch.stack(mems), torch.stack(spks)


def lif():
    cases = []
    generator = torch.Generator().manual_seed(1)
    for steps in [1, 4, 8]:
        for in_time in [False, True]:
            shape = (steps, 2, 5) if in_time else (2, 5)
            current = torch.rand(shape, generator=generator) * 1.8 - 0.3
            weights = torch.randn(2, 5, generator=generator)
            for beta in [0.8, 0.5]:
                for reset in RESETS:
                    case = {"steps": steps, "in_time": in_time, "beta": beta, "reset": reset}
                    for name, spike in SURROGATES.items():
                        leaf = current.clone().requires_grad_()
                        mems, spks = scan(leaf, steps, beta, reset, spike)
                        (d_rate,) = torch.autograd.grad((weights * spks.mean(0)).sum(), leaf)
                        case[name] = d_rate.flatten().tolist()
                    leaf = current.clone().requires_grad_()
                    mems, spks = scan(leaf, steps, beta, reset, SURROGATES["atan"])
                    (d_mem,) = torch.autograd.grad((weights * mems[-1]).sum(), leaf)
                    case |= {
                        "current": current.flatten().tolist(),
                        "weights": weights.flatten().tolist(),
                        "mem": mems[-1].flatten().tolist(),
                        "spikes": spks.flatten().int().tolist(),
                        "d_membrane": d_mem.flatten().tolist(),
                    }
                    cases.append(case)
    write("lif.json", {"shape": [2, 5], "cases": cases})


# --- layers and the optimiser -------------------------------------------------------------------------------------


def layer():
    """One local step of layer 1 on four images of 17 pixels with three classes, seven units."""
    generator = torch.Generator().manual_seed(2)
    cases = []
    pixels = torch.randint(0, 256, (4, 17), generator=generator)
    pixels[torch.rand(4, 17, generator=generator) < 0.5] = 0
    weight = (torch.rand(7, 17, generator=generator) * 2 - 1) * 0.6
    positive, negative = torch.tensor([0, 1, 2, 1]), torch.tensor([1, 2, 0, 0])
    for neuron, steps in [("membrane", 1), ("rate", 4), ("relu", 1)]:
        for norm in ["l2", "rms"]:
            for objective in ["softplus", "pair"]:
                for amplitude in [1.0, 3.0]:
                    leaf = weight.clone().requires_grad_()

                    def goodness(labels):
                        x = pixels.float() / 255
                        x[:, :3] = 0
                        x[torch.arange(4), labels] = amplitude
                        size = x.pow(2).sum(1, keepdim=True) if norm == "l2" else x.pow(2).mean(1, keepdim=True)
                        current = (x / (size.sqrt() + 1e-4)) @ leaf.T
                        if neuron == "relu":
                            return current.relu().pow(2).mean(1)
                        mems, spks = scan(current, steps, 0.8, "subtract", SURROGATES["atan"])
                        return (spks.mean(0) if neuron == "rate" else mems[-1]).pow(2).mean(1)

                    g_pos, g_neg = goodness(positive), goodness(negative)
                    if objective == "softplus":
                        loss = F.softplus(torch.cat([5.0 - g_pos, g_neg - 5.0])).mean()
                    else:
                        loss = F.silu(-6.0 * (g_pos - g_neg)).mean()
                    (grad,) = torch.autograd.grad(loss, leaf)
                    cases.append({
                        "neuron": neuron, "steps": steps, "norm": norm, "objective": objective,
                        "amplitude": amplitude, "loss": loss.item(),
                        "goodness": torch.cat([g_pos, g_neg]).tolist(), "dweight": grad.flatten().tolist(),
                    })
    write("layer.json", {
        "pixels": pixels.flatten().tolist(), "weight": weight.flatten().tolist(),
        "positive": positive.tolist(), "negative": negative.tolist(), "cases": cases,
    })


def adam():
    generator = torch.Generator().manual_seed(3)
    start = torch.randn(6, generator=generator)
    gradients = torch.randn(10, 6, generator=generator) * torch.tensor([1.0, 1e-3, 1e-6, 0.0, 10.0, 1e-9])
    leaf = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([leaf], lr=0.03)
    values = []
    for gradient in gradients:
        leaf.grad = gradient.clone()
        optimiser.step()
        values.append(leaf.detach().tolist())
    write("adam.json", {"start": start.tolist(), "gradients": gradients.tolist(), "values": values})


def state_dict():
    """A net of 30 inputs, 4 and 3 units as it comes out of Python; its numbers are known and exact."""
    net = torch.nn.Module()
    net.layers = torch.nn.ModuleList([GoldenLayer(30, 4, True), GoldenLayer(4, 3, True)])
    for layer in net.layers:
        out, inputs = layer.weight.shape
        o, i = torch.arange(out)[:, None], torch.arange(inputs)[None, :]
        layer.weight.data = ((o * 31 + i * 7) % 17 - 8) / 16
    save_file(net.state_dict(), HERE / "state_dict.safetensors")


lif()
layer()
adam()
state_dict()
tutorial()
