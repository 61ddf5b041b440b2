"""What `test_peers.py` runs in an environment with pyDVL and PyTorch; prints one JSON object.

One query's influence over all training rows by pyDVL's conjugate gradients, with its defaults but for ``rtol``.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np
import torch
from pydvl.influence import InfluenceMode
from pydvl.influence.torch import CgInfluence
from torch.utils.data import DataLoader, TensorDataset

kept = np.load(sys.argv[1])
rows, labels, query = (torch.tensor(kept[name], dtype=torch.float64) for name in ("rows", "labels", "query"))
model = torch.nn.Linear(rows.shape[1], 1, bias=False, dtype=torch.float64)
with torch.no_grad():
    model.weight[:] = torch.tensor(kept["theta"])


def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, target)


batches = DataLoader(TensorDataset(rows, labels), batch_size=len(rows))
start = time.perf_counter()
pydvls = CgInfluence(model, loss, regularization=float(kept["regularization"]), rtol=1e-6).fit(batches)
values = pydvls.influences(query, labels[:1], rows, labels, mode=InfluenceMode.Up)
seconds = time.perf_counter() - start
np.save(sys.argv[2], values.numpy())
print(json.dumps({"seconds": seconds, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10}))
