"""Writes a small data set in MNIST's four files: 14 x 14 pixels in 10 classes. Another seed gives another set.

    python3 digits.py DIR SEED
"""

import random
import struct
import sys

folder, seed = sys.argv[1], int(sys.argv[2])
random.seed(seed)
for name, count in ("train", 3000), ("t10k", 500):
    labels = bytes(random.randrange(10) for _ in range(count))
    images = bytearray()
    for label in labels:
        # Noise, and a bright block whose place says the class.
        image = bytearray(random.randrange(120) for _ in range(196))
        for row in range(5):
            at = 14 * (label // 5 * 6 + 1 + row) + label % 5 * 2 + 2
            image[at : at + 3] = bytes(random.randrange(90, 256) for _ in range(3))
        images += image
    with open(f"{folder}/{name}-labels-idx1-ubyte", "wb") as file:
        file.write(struct.pack(">2I", 0x801, count) + labels)
    with open(f"{folder}/{name}-images-idx3-ubyte", "wb") as file:
        file.write(struct.pack(">4I", 0x803, count, 14, 14) + images)
