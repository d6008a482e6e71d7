"""Checkpoints of a training run: safetensors, replaced atomically, resumed to the bit."""

__all__ = ["Checkpoint", "CheckpointError"]

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer


class CheckpointError(ValueError):
    """Says why a checkpoint cannot be resumed from, and what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds all that a training run needs to go on.

    Arguments:
        path: The file; written to a temporary name first, then renamed.
        run: What identifies the run: method, settings, seed, data. Another does not resume from it.
    """

    path: Path
    run: Mapping[str, object]

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of what identifies the run."""
        text = json.dumps(self.run, sort_keys=True, default=_plain)

        return hashlib.sha256(text.encode()).hexdigest()

    def save(
        self, module: nn.Module, optimizer: Optimizer, generator: torch.Generator, epoch: int
    ) -> None:
        """Replaces the file by the state after some epochs.

        Raises:
            CheckpointError: If it cannot be written; the old one is then still there.
        """
        tensors = {"generator": generator.get_state()}
        tensors |= {f"module.{name}": value for name, value in module.state_dict().items()}
        for i, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{name}": value for name, value in state.items()}

        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        try:
            save_file(
                {name: value.contiguous() for name, value in tensors.items()},
                temporary,
                metadata={"epoch": str(epoch), "fingerprint": self.fingerprint},
            )
            temporary.replace(self.path)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{self.path}: the checkpoint cannot be written ({error}). Check the folder's "
                "permissions and the space on the disk."
            ) from error
        finally:
            temporary.unlink(missing_ok=True)

    def resume(self, module: nn.Module, optimizer: Optimizer, generator: torch.Generator) -> int:
        """Restores the state in the file, if there is one.

        Returns:
            The number of epochs done; 0 if there is no file.

        Raises:
            CheckpointError: If the file is damaged or of another run.
        """
        if not self.path.exists():
            return 0

        metadata, tensors = self._read()
        if metadata.get("fingerprint") != self.fingerprint:
            raise CheckpointError(
                f"{self.path}: this checkpoint is of a run with another method or other settings, "
                "seed or data. Resume with the same ones, or delete it to start anew."
            )

        device = next(module.parameters()).device
        state: dict[int, dict[str, Tensor]] = {}
        weights: dict[str, Tensor] = {}
        for name, value in tensors.items():
            kind, _, rest = name.partition(".")
            if kind == "module":
                weights[rest] = value
            elif kind == "optimizer":
                i, _, key = rest.partition(".")
                state.setdefault(int(i), {})[key] = value.to(device)

        module.load_state_dict(weights)
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
        generator.set_state(tensors["generator"])

        return int(metadata["epoch"])

    def _read(self) -> tuple[dict[str, str], dict[str, Tensor]]:
        try:
            with safe_open(self.path, framework="pt") as file:
                metadata = file.metadata() or {}  # another program's file may have none
                return metadata, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{self.path}: the checkpoint is damaged ({error}). Delete it to start anew."
            ) from error


def _plain(value: object) -> object:
    """Turns into JSON what it does not know; a seed of NumPy is the same seed."""
    return value.item() if isinstance(value, np.generic) else str(value)
