"""Times the same work done by us and by PyTorch, side by side, and prints a table of ratios.

    python benches/peers/compare.py --data DIR [--rounds 5] [--threads 2] [--only WORD]

DIR holds MNIST's four files, plain or .gz. Needs torch, snntorch, numpy and cargo (see README.md here). In each round
every work is done once by us and once by each peer, so that a noisy machine disturbs all alike; both have done it once
before. The ratio is the median over rounds of the peer's time by ours.

The peers:
  tutorial   the tutorial's own loop: a net of snnTorch's Leaky, autograd within a layer, torch's Adam.
  eager      the same for mini-batches. Three things that the tutorial does not do are granted to it, because ours does
             them: all layers learn on each batch, what a layer gave before its update goes on to the next, and batches
             are cut from one tensor without a loader.
  compile    the neuron written out in plain torch, forward, loss and backward through torch.compile, Adam fused.
  plain      the ten-label scan as the tutorial has it: each label through the whole net.
  shared     the scan with layer 1's product taken once for all labels, written by hand.
"""

import argparse
import gzip
import pathlib
import statistics
import subprocess
import time

import numpy as np
import snntorch
import torch
import torch.nn.functional as F

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLASSES = 10
MEMBRANE = dict(batch=512, steps=1, rate=False, rms=False, amplitude=1.0, lr=0.03)
SPIKING = dict(batch=100, steps=8, rate=True, rms=True, amplitude=3.0, lr=1e-3)


def read(directory, name):
    for path in (directory / name, directory / f"{name}.gz"):
        if path.exists():
            raw = path.read_bytes()
            return np.frombuffer(gzip.decompress(raw) if path.suffix == ".gz" else raw, np.uint8)
    raise SystemExit(f"{directory}: no {name}")


class Spike(torch.autograd.Function):
    """A step forwards, snnTorch's arc tangent backwards."""

    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return (u > 0).float()

    @staticmethod
    def backward(ctx, grad):
        (u,) = ctx.saved_tensors
        return grad / (1 + (torch.pi * u).pow(2))


def leaky_written_out(current, steps):
    mem, spk, count = torch.zeros_like(current), torch.zeros_like(current), 0
    for _ in range(steps):
        mem = 0.8 * mem + current - spk.detach()
        spk = Spike.apply(mem - 1.0)
        count = count + spk
    return mem, count


def normalise(x, rms):
    norm = x.pow(2).mean(1, keepdim=True).sqrt() if rms else x.norm(2, 1, keepdim=True)
    return x / (norm + 1e-4)


class Layer(torch.nn.Module):
    def __init__(self, inputs, units, work, compiled=False):
        super().__init__()
        self.linear = torch.nn.Linear(inputs, units, bias=False)
        self.leaky = snntorch.Leaky(beta=0.8)
        self.work, self.compiled = work, compiled
        self.adam = torch.optim.Adam(self.parameters(), lr=work["lr"], fused=compiled or None)
        self.loss = torch.compile(self.forward_loss, dynamic=False) if compiled else self.forward_loss

    def units(self, current):
        if self.compiled:
            mem, count = leaky_written_out(current, self.work["steps"])
        else:
            mem, count = self.leaky.init_leaky(), 0
            for _ in range(self.work["steps"]):
                spk, mem = self.leaky(current, mem)
                count = count + spk
        return count / self.work["steps"] if self.work["rate"] else mem

    def forward(self, x):
        return self.units(self.linear(normalise(x, self.work["rms"])))

    def forward_loss(self, x_pos, x_neg):
        pos, neg = self(x_pos), self(x_neg)
        g_pos, g_neg = pos.pow(2).mean(1), neg.pow(2).mean(1)
        if self.work["rate"]:
            loss = F.silu(-12.0 * (g_pos - g_neg)).mean()
        else:
            loss = F.softplus(torch.cat([5.0 - g_pos, g_neg - 5.0])).mean()
        return loss, pos.detach(), neg.detach()

    def learn(self, x_pos, x_neg):
        loss, pos, neg = self.loss(x_pos, x_neg)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return pos, neg


def overlay(x, labels, amplitude):
    x = x.clone()
    x[:, :CLASSES] = 0.0
    x[torch.arange(len(x)), labels] = amplitude
    return x


def wrong_labels(layer, x, y, work):
    if not work["rate"]:
        return (y + torch.randint(1, CLASSES, y.shape)) % CLASSES
    with torch.no_grad():
        every = [layer(overlay(x, torch.full_like(y, c), work["amplitude"])) for c in range(CLASSES)]
        scores = torch.stack([s.pow(2).mean(1) for s in every], 1)
        scores[torch.arange(len(y)), y] = -torch.inf
        return torch.multinomial(torch.softmax(60.0 * scores, 1), 1)[:, 0]


class Net:
    """A net of two layers of 500, and what is done with it."""

    def __init__(self, work, images, labels, test, compiled=False):
        self.work, self.images, self.labels, self.test = work, images, labels, test
        self.layers = [Layer(784, 500, work, compiled), Layer(500, 500, work, compiled)]
        if compiled:
            self.shared = torch.compile(self.shared, dynamic=False)

    def epoch(self):
        work = self.work
        for ids in torch.randperm(len(self.images)).split(work["batch"]):
            if len(ids) < work["batch"]:
                break
            x, y = self.images[ids], self.labels[ids]
            wrong = wrong_labels(self.layers[0], x, y, work)
            pos, neg = overlay(x, y, work["amplitude"]), overlay(x, wrong, work["amplitude"])
            for layer in self.layers:
                pos, neg = layer.learn(pos, neg)

    @torch.no_grad()
    def scan_plain(self):
        return torch.cat([self.plain(x) for x in self.test.split(1_000)])

    def plain(self, x):
        scores = []
        for c in range(CLASSES):
            h, g = overlay(x, torch.full((len(x),), c), self.work["amplitude"]), 0
            for layer in self.layers:
                h = layer(h)
                g = g + h.pow(2).mean(1)
            scores.append(g)
        return torch.stack(scores, 1)

    @torch.no_grad()
    def scan_shared(self):
        return torch.cat([self.shared(x) for x in self.test.split(1_000)])

    def shared(self, x):
        amplitude, first = self.work["amplitude"], self.layers[0]
        x = overlay(x, torch.zeros(len(x), dtype=torch.long), amplitude)
        scale = normalise(x, self.work["rms"])[:, :1]
        x[:, 0] = 0.0
        base, rows = x @ first.linear.weight.T * (scale / amplitude), first.linear.weight[:, :CLASSES].T
        scores = []
        for c in range(CLASSES):
            h = first.units(base + scale * rows[c])
            g = h.pow(2).mean(1)
            for layer in self.layers[1:]:
                h = layer(h)
                g = g + h.pow(2).mean(1)
            scores.append(g)
        return torch.stack(scores, 1)


class Tutorial:
    """Steps of the tutorial's layer 1, on its one batch."""

    STEPS = 200

    def __init__(self, images, labels):
        self.layer = Layer(784, 500, dict(MEMBRANE, batch=128))
        x, y = images[:128], labels[:128]
        self.pos, self.neg = overlay(x, y, 1.0), overlay(x, y[torch.randperm(128)], 1.0)

    def steps(self):
        for _ in range(self.STEPS):
            self.layer.learn(self.pos, self.neg)


class Ours:
    def __init__(self, data, threads):
        words = ["cargo", "bench", "--quiet", "--bench", "peers", "--", "--data", str(data), "--threads", str(threads)]
        self.process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, job):
        print(job, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--data", type=pathlib.Path, required=True)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--only", default="", help="only works whose name has this word in it")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    images = torch.tensor(read(a.data, "train-images-idx3-ubyte")[16:].reshape(-1, 784).copy()) / 255.0
    labels = torch.tensor(read(a.data, "train-labels-idx1-ubyte")[8:].copy()).long()
    test = torch.tensor(read(a.data, "t10k-images-idx3-ubyte")[16:].reshape(-1, 784).copy()) / 255.0
    make = lambda work, compiled=False: Net(work, images, labels, test, compiled)
    membrane, spiking = make(MEMBRANE), make(SPIKING)
    membrane_compiled, spiking_compiled = make(MEMBRANE, True), make(SPIKING, True)
    tutorial = Tutorial(images, labels)
    # work, our job, by how much a peer's time is divided, peers
    works = [
        ("tutorial's step, 128 images, layer 1", "tutorial", Tutorial.STEPS, {"tutorial": tutorial.steps}),
        ("epoch, T = 1, membrane, batch 512", "epoch membrane", 1,
         {"eager": membrane.epoch, "compile": membrane_compiled.epoch}),
        ("epoch, T = 8, rate, hard negatives, batch 100", "epoch spiking", 1,
         {"eager": spiking.epoch, "compile": spiking_compiled.epoch}),
        ("scan of 10,000 images, T = 1", "scan membrane", 1,
         {"plain": membrane.scan_plain, "shared": membrane.scan_shared}),
        ("scan of 10,000 images, T = 8", "scan spiking", 1,
         {"plain": spiking.scan_plain, "shared": spiking.scan_shared,
          "shared, compile": spiking_compiled.scan_shared}),
    ]
    works = [work for work in works if a.only in work[0]]
    ours = Ours(a.data.resolve(), a.threads)
    times = {}
    for r in range(a.rounds + 1):  # the first round warms up
        for name, job, parts, peers in works:
            mine = ours.seconds(job)
            for peer, run in peers.items():
                start = time.perf_counter()
                run()
                theirs = (time.perf_counter() - start) / parts
                if r:
                    times.setdefault((name, peer), []).append((mine, theirs))
    print(f"784-500-500, {a.threads} threads, medians of {a.rounds} rounds; torch {torch.__version__},"
          f" snnTorch {snntorch.__version__}; milliseconds\n")
    print("| work | peer | its time | ours | ratio |\n|---|---|---:|---:|---:|")
    for (name, peer), pairs in times.items():
        mine, theirs = (1e3 * statistics.median(p[i] for p in pairs) for i in (0, 1))
        ratio = statistics.median(t / m for m, t in pairs)
        print(f"| {name} | {peer} | {theirs:.4g} | {mine:.4g} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
