"""Sequential training: each task in its turn, nothing against forgetting. The lower bound."""

__all__ = ["Sequential"]

from unseen.continual.strategy import Strategy


class Sequential(Strategy):
    """Trains on each task alone, by the cross-entropy among its own classes.

    Differences from the paper:
        Of the variants along a stream, these are left out, here and in other strategies: a loss
        among all classes seen in sequential training, an optimiser that is kept from task to task,
        a learning rate that decays from task to task, joint training from fresh weights at each
        task, a named backbone of one linear layer and a ReLU, the descriptions of later classes in
        training (``transductive_attributes``), and the oracle rows, whose prototypes are the means
        of each class's features over the whole training set.
    """
