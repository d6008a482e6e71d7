"""Sequential training: each task in its turn, nothing against forgetting. The lower bound."""

__all__ = ["Sequential"]

from unseen.continual.strategy import Strategy


class Sequential(Strategy):
    """Trains on each task alone, by the cross-entropy among its own classes."""
