"""Times an epoch of ours and of PyTorch side by side: the same network, images, batch, threads.

    python benches/peers/epoch.py --data DIR [--rounds 5] [--threads 2]

DIR holds MNIST's four files, plain or .gz. Needs torch, snntorch and numpy (see README.md here) and an `ff-cli`
that is built. Rounds are interleaved, so that a noisy machine disturbs both alike; medians and their ratio count.
PyTorch runs eagerly, as the tutorial does: autograd within each layer, Adam, and snnTorch's `Leaky` step by step.
Three things that the tutorial does not do are granted to it, because ours does them: all layers learn on each batch,
what a layer gave before its update goes on to the next, and batches are cut from one tensor without a loader.
"""

import argparse
import gzip
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import snntorch
import torch
import torch.nn.functional as F

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLASSES = 10

# name, settings of ff-cli
WORKS = {
    "T = 1, membrane, softplus, batch 512": dict(
        preset="tutorial", schedule="joint", batch=512, steps=1, hard=False, rms=False, amplitude=1.0, lr=0.03
    ),
    "T = 8, rate, pair, hard negatives, batch 100": dict(
        preset="quick", schedule="joint", batch=100, steps=8, hard=True, rms=True, amplitude=3.0, lr=1e-3
    ),
}


def read(directory, name):
    for path in (directory / name, directory / f"{name}.gz"):
        if path.exists():
            raw = path.read_bytes()
            raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
            return np.frombuffer(raw, np.uint8)
    raise SystemExit(f"{directory}: no {name}")


class Layer(torch.nn.Module):
    def __init__(self, inputs, units, work):
        super().__init__()
        self.linear = torch.nn.Linear(inputs, units, bias=False)
        self.leaky = snntorch.Leaky(beta=0.8)
        self.work = work
        self.adam = torch.optim.Adam(self.parameters(), lr=work["lr"])

    def forward(self, x):
        norm = x.pow(2).mean(1, keepdim=True).sqrt() if self.work["rms"] else x.norm(2, 1, keepdim=True)
        current = self.linear(x / (norm + 1e-4))
        mem = self.leaky.init_leaky()
        count = 0
        for _ in range(self.work["steps"]):
            spk, mem = self.leaky(current, mem)
            count = count + spk
        return count / self.work["steps"] if self.work["hard"] else mem

    def learn(self, x_pos, x_neg):
        pos, neg = self(x_pos), self(x_neg)
        g_pos, g_neg = pos.pow(2).mean(1), neg.pow(2).mean(1)
        if self.work["hard"]:
            loss = F.silu(-12.0 * (g_pos - g_neg)).mean()
        else:
            loss = F.softplus(torch.cat([5.0 - g_pos, g_neg - 5.0])).mean()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return pos.detach(), neg.detach()


def overlay(x, labels, amplitude):
    x = x.clone()
    x[:, :CLASSES] = 0.0
    x[torch.arange(len(x)), labels] = amplitude
    return x


def wrong_labels(layer, x, y, work):
    if not work["hard"]:
        return (y + torch.randint(1, CLASSES, y.shape)) % CLASSES
    with torch.no_grad():
        scores = torch.stack(
            [layer(overlay(x, torch.full_like(y, c), work["amplitude"])).pow(2).mean(1) for c in range(CLASSES)], 1
        )
        scores[torch.arange(len(y)), y] = -torch.inf
        return torch.multinomial(torch.softmax(60.0 * scores, 1), 1)[:, 0]


def torch_epoch(layers, images, labels, work):
    order = torch.randperm(len(images))
    start = time.perf_counter()
    for ids in order.split(work["batch"]):
        if len(ids) < work["batch"]:
            break
        x, y = images[ids], labels[ids]
        wrong = wrong_labels(layers[0], x, y, work)
        pos, neg = overlay(x, y, work["amplitude"]), overlay(x, wrong, work["amplitude"])
        for layer in layers:
            pos, neg = layer.learn(pos, neg)
    return time.perf_counter() - start


def our_epoch(binary, data, work, threads):
    with tempfile.TemporaryDirectory() as out:
        words = [binary, "train", "--preset", work["preset"], "--data", data, "--threads", str(threads)]
        for key in ("schedule", "batch"):
            words += ["--set", f"{key}={work[key]}"]
        words += ["--set", "epochs=1", "--out", f"{out}/run", "--json"]
        return json.loads(subprocess.run(words, check=True, capture_output=True).stdout)["train_seconds"]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--data", type=pathlib.Path, required=True)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--binary", default=ROOT / "target/debug/ff-cli")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    images = torch.tensor(read(a.data, "train-images-idx3-ubyte")[16:].reshape(60_000, 784).copy()) / 255.0
    labels = torch.tensor(read(a.data, "train-labels-idx1-ubyte")[8:].copy()).long()
    print(f"784-500-500, 60,000 images, {a.threads} threads, {a.rounds} rounds; torch {torch.__version__},"
          f" snnTorch {snntorch.__version__}; seconds an epoch, medians")
    print(f"{'work':<46} {'PyTorch':>8} {'ours':>8} {'ratio':>7}")
    for name, work in WORKS.items():
        layers = [Layer(784, 500, work), Layer(500, 500, work)]
        ours, theirs = [], []
        for _ in range(a.rounds):
            ours.append(our_epoch(a.binary, a.data, work, a.threads))
            theirs.append(torch_epoch(layers, images, labels, work))
        ratio = statistics.median(t / o for t, o in zip(theirs, ours))
        print(f"{name:<46} {statistics.median(theirs):>8.2f} {statistics.median(ours):>8.2f} {ratio:>7.1f}")


if __name__ == "__main__":
    main()
