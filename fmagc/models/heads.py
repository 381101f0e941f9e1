"""Heads map an encoder's (B, C, T) to class scores: pooling over time, a perceptron, an LSTM, attention."""

import torch
from torch import Tensor, nn

__all__ = ["AttentionHead", "ConcatPool", "LstmHead", "MlpHead", "StatisticsPool"]


class ConcatPool(nn.Module):
    """Mean and maximum over time, side by side: (B, C, T) to (B, 2 * C)."""

    def forward(self, x: Tensor) -> Tensor:
        """Pool over the last axis."""
        return torch.cat([x.mean(dim=-1), x.amax(dim=-1)], dim=1)


class StatisticsPool(nn.Module):
    """Mean and standard deviation over time, side by side: (B, C, T) to (B, 2 * C)."""

    least_variance = 1e-5  # the root of 0 has no gradient

    def forward(self, x: Tensor) -> Tensor:
        """Pool over the last axis."""
        deviation = (x.var(dim=-1, correction=0) + self.least_variance).sqrt()
        return torch.cat([x.mean(dim=-1), deviation], dim=1)


class MlpHead(nn.Sequential):
    """Two hidden layers, each half as wide as what it reads, with ReLU and dropout: (B, in_features) to (B, K)."""

    def __init__(self, in_features: int, *, n_classes: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(in_features, in_features // 2),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(in_features // 2, in_features // 4),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(in_features // 4, n_classes),
        )


class LstmHead(nn.Module):
    """One LSTM layer, dropout on its last state, and a linear layer: (B, C, T) to (B, K)."""

    hidden = 128

    def __init__(self, in_channels: int, *, n_classes: int, dropout: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(in_channels, self.hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(self.hidden, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Read the steps in order and score the state after the last."""
        _, (state, _) = self.lstm(x.transpose(1, 2))  # state: (1, B, hidden)
        logits: Tensor = self.output(self.dropout(state[-1]))
        return logits


class AttentionHead(nn.Module):
    """Layers of self-attention over time, the mean of their steps, and a linear layer: (B, C, T) to (B, K)."""

    width = 64
    n_heads = 4
    n_layers = 2

    def __init__(self, in_channels: int, *, n_classes: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Linear(in_channels, self.width)
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    self.width, self.n_heads, 2 * self.width, dropout, batch_first=True, norm_first=True
                )
                for _ in range(self.n_layers)
            )
        )
        self.norm = nn.LayerNorm(self.width)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(self.width, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Relate every step to all others and score their mean."""
        steps = self.layers(self.embedding(x.transpose(1, 2)))  # (B, T, width)
        logits: Tensor = self.output(self.dropout(self.norm(steps.mean(dim=1))))
        return logits
