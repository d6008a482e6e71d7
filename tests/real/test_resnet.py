"""The small residual network learns real pictures: traffic signs, from pixels alone."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unseen import SmallResNet, load

EPOCHS, BATCH, RATE = 8, 32, 0.05


def train(
    net: SmallResNet, head: nn.Linear, X: Tensor, y: Tensor, generator: torch.Generator
) -> None:
    """Trains both by cross-entropy: SGD with momentum, one cycle of the learning rate."""
    steps = len(X) // BATCH
    parameters = [*net.parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(parameters, RATE, 0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=EPOCHS * steps, pct_start=0.2
    )

    net.train()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(X), generator=generator)[: steps * BATCH].view(steps, -1):
            F.cross_entropy(head(net(X[rows])), y[rows]).backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    net.eval()


def test_pooled_features_tell_seen_signs_apart(real_data: Path) -> None:
    data = load(real_data / "gtsrb_images.npz")
    classes, y = np.unique(data.labels[data.train], return_inverse=True)
    X, y = torch.from_numpy(data.features[data.train]), torch.from_numpy(y)
    generator = torch.Generator().manual_seed(0)
    net = SmallResNet(shift=2, generator=generator)
    head = nn.Linear(net.out_features, len(classes), device="meta").to_empty(device="cpu")
    for parameter in head.parameters():
        nn.init.zeros_(parameter)

    train(net, head, X, y, generator)

    with torch.no_grad():
        scores = head(net(torch.from_numpy(data.features[data.test_seen])))  # (n, 33)
    accuracy = (classes[scores.argmax(dim=1)] == data.labels[data.test_seen]).mean()
    assert accuracy > 0.9
