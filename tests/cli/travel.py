"""The other side of travel.rs: what Python sees in a model, and what it writes for `ff-cli import`.

    travel.py read MODEL     prints each tensor's shape, type and bits, and the metadata, as JSON
    travel.py write FILE     writes a state dict whose numbers travel.rs knows
    travel.py run PAGE DIR   runs the scripts of docs/python.md on the model in the present directory
"""

import json
import re
import sys


def read(model):
    import numpy as np
    from safetensors import safe_open

    with safe_open(model, "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        about = json.loads(file.metadata()["forward-forward"])
    print(json.dumps({"about": about, "tensors": {
        name: {"shape": t.shape, "type": str(t.dtype), "bits": t.view(np.uint32).flatten().tolist()}
        for name, t in tensors.items()
    }}))


def known(out, inputs):
    """Exact in float32."""
    return [[((o * 31 + i * 7) % 17 - 8) / 16 for i in range(inputs)] for o in range(out)]


def write(path):
    import numpy as np
    from safetensors.numpy import save_file

    save_file({"layers.0.weight": np.array(known(12, 784), np.float32),
               "layers.1.weight": np.array(known(5, 12), np.float32)}, path)


def run(page, digits):
    """The page speaks of the tutorial's `Net`, `overlay_y_on_x` and `mnist_test`: these have the same form."""
    import numpy as np
    import snntorch
    import torch

    def overlay_y_on_x(x, y):
        labelled = x.clone()
        labelled[:, :10] = 0
        labelled[torch.arange(len(x)), y] = x.max()
        return labelled

    class Unit(torch.nn.Linear):
        def __init__(self, inputs, outputs, activation):
            super().__init__(inputs, outputs, bias=False)
            self.activation = snntorch.Leaky(beta=0.8) if activation == "lif" else torch.nn.ReLU()

        def forward(self, x):
            current = (x / (x.norm(2, 1, keepdim=True) + 1e-4)) @ self.weight.T
            if isinstance(self.activation, torch.nn.ReLU):
                return self.activation(current)
            return self.activation(current, self.activation.init_leaky())[1]

    class Net(torch.nn.Module):
        def __init__(self, dims, activation):
            super().__init__()
            self.layers = torch.nn.ModuleList(Unit(a, b, activation) for a, b in zip(dims, dims[1:]))

        def predict(self, x):
            scores = []
            for label in range(10):
                h, total = overlay_y_on_x(x, label), 0
                for layer in self.layers:
                    h = layer(h)
                    total = total + h.pow(2).mean(1)
                scores.append(total)
            return torch.stack(scores, 1).argmax(1)

    def file(name, header):
        return np.fromfile(f"{digits}/t10k-{name}-ubyte", np.uint8, offset=header)

    images = torch.tensor(file("images-idx3", 16).reshape(-1, 784)).float() / 255
    mnist_test = list(zip(images, file("labels-idx1", 8).tolist()))
    there, back = re.findall(r"```python\n(.*?)```", open(page).read(), re.S)
    names = {"Net": Net, "mnist_test": mnist_test}
    exec(there, names)
    names["net"] = Net([784, 30, 20], "lif")
    exec(back, names)
    with torch.no_grad():
        np.savetxt("there.txt", names["net"].predict(images), "%d")


{"read": read, "write": write, "run": run}[sys.argv[1]](*sys.argv[2:])
