"""Recurrent networks of sentences: tokens to a code, and from a code to logits (Bowman et al. 2016, figure 1)."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.ranges import extent, share
from genlab.recorded import Recorded
from genlab.vocabulary import PAD

State = tuple[Tensor, ...]
"""A decoder's memory of the tokens so far: tensors (B, ...)."""


class LSTMLayer(nn.LSTM):
    """A layer of long short-term memory (Hochreiter & Schmidhuber 1997) on sequences (B, T, input_size)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)


class GRULayer(nn.GRU):
    """A layer of gated recurrent units (Cho et al. 2014) on sequences (B, T, input_size)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)


class RecurrentEncoder(nn.Module, Recorded):
    """Encoder: the last state of a recurrent network, followed by a linear layer.

    Args:
        vocabulary_size: number of tokens.
        code_size: number of outputs.
        embedding: size of a token's embedding.
        hidden: size of the state.
        cell: builds the recurrent network from the sizes of inputs and states: `LSTMLayer`, or `GRULayer`.
        dropout: share of the values of tokens' embeddings that are dropped in training.
        backwards: whether sentences are read from their end, so that the last state has just seen the words that a
            decoder begins with (Sutskever et al. 2014, arXiv:1409.3215, section 3.3).
    """

    def __init__(
        self,
        vocabulary_size: int,
        code_size: int,
        embedding: int = 256,
        hidden: int = 256,
        cell: Callable[[int, int], nn.RNNBase] = LSTMLayer,
        dropout: float = 0.0,
        backwards: bool = False,
    ) -> None:
        super().__init__()
        extent(embedding=embedding, hidden=hidden)
        share(dropout=dropout)
        self.embedding = nn.Embedding(vocabulary_size, embedding)
        self.dropout = nn.Dropout(dropout)
        self.cell = cell(embedding, hidden)
        self.output = nn.Linear(hidden, code_size)
        self.backwards = backwards

    def forward(self, tokens: Tensor) -> Tensor:
        """Encode tokens (B, T), int64, with padding at their end, to (B, code_size)."""
        last = (tokens != PAD).sum(1) - 1  # padding comes after it and changes nothing
        if self.backwards:
            places = torch.arange(tokens.shape[1], device=tokens.device)
            tokens = tokens.gather(1, (last[:, None] - places) % tokens.shape[1])  # padding stays at the end
        states, _ = self.cell(self.dropout(self.embedding(tokens)))
        codes: Tensor = self.output(states[torch.arange(len(tokens), device=tokens.device), last])
        return codes


class RecurrentDecoder(nn.Module, Recorded):
    """Recurrent decoder: its initial state and every input depend on a code; a linear layer computes logits.

    Args:
        vocabulary_size: number of tokens.
        code_size: size of a code; 0 for a language model, which has none.
        embedding: size of a token's embedding.
        hidden: size of the state.
        cell: builds the recurrent network from the sizes of inputs and states: `LSTMLayer`, or `GRULayer`.
        dropout: share of the values of tokens' embeddings, and of what the logits are computed from, that are dropped
            in training.
        tied: whether a token's logit is the product of its embedding and a linear map of the state, so that what is
            learned about a word as input also serves to predict it (Press & Wolf 2017, arXiv:1608.05859); otherwise
            logits have their own weights.
    """

    def __init__(
        self,
        vocabulary_size: int,
        code_size: int,
        embedding: int = 256,
        hidden: int = 256,
        cell: Callable[[int, int], nn.RNNBase] = LSTMLayer,
        dropout: float = 0.0,
        tied: bool = False,
    ) -> None:
        super().__init__()
        extent(embedding=embedding, hidden=hidden)
        share(dropout=dropout)
        self.hidden = hidden
        self.embedding = nn.Embedding(vocabulary_size, embedding)
        self.dropout = nn.Dropout(dropout)
        self.initial = nn.Linear(code_size, hidden) if code_size else None
        self.cell = cell(embedding + code_size, hidden)
        self.output = nn.Linear(hidden, embedding if tied else vocabulary_size)
        self.bias = nn.Parameter(torch.zeros(vocabulary_size)) if tied else None
        if tied:
            nn.init.normal_(self.embedding.weight, std=embedding**-0.5)  # for logits of variance 1, not `embedding`

    def forward(self, previous: Tensor, code: Tensor, wanted: Tensor) -> Tensor:
        """Compute logits of tokens given those before them.

        Args:
            previous: (B, T), int64: the token before each token.
            code: (B, code_size).
            wanted: (B, T), bool: where logits are wanted, as those of padding would cost as much as those of words.

        Returns:
            Logits (N, vocabulary_size), sentence by sentence.
        """
        states, _ = self._states(previous, self.start(code))
        return self._logits(states[wanted])

    def start(self, code: Tensor) -> State:
        """Return the state before the first token of sentences with codes (B, code_size)."""
        if self.initial is None:
            empty = self.output.weight.new_zeros(len(code), self.hidden)
            return (empty, empty, code) if isinstance(self.cell, nn.LSTM) else (empty, code)
        first = self.initial(code)
        return (first.tanh(), first, code) if isinstance(self.cell, nn.LSTM) else (first.tanh(), code)

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        """Compute the logits (B, vocabulary_size) of the tokens after `token`, (B,), and the state that follows."""
        states, state = self._states(token[:, None], state)
        return self._logits(states[:, 0]), state

    def _logits(self, states: Tensor) -> Tensor:
        """Compute the logits (N, vocabulary_size) of the tokens after states (N, hidden)."""
        found: Tensor = self.output(self.dropout(states))
        return found if self.bias is None else F.linear(found, self.embedding.weight, self.bias)

    def _states(self, previous: Tensor, state: State) -> tuple[Tensor, State]:
        """Compute the states (B, T, hidden) after tokens (B, T), and the last one."""
        *memory, code = state
        vectors = self.dropout(self.embedding(previous))
        inputs = torch.cat([vectors, code[:, None].expand(-1, vectors.shape[1], -1).to(vectors)], 2)
        before = [part[None].to(inputs).contiguous() for part in memory]
        states, after = self.cell(inputs, tuple(before) if len(before) > 1 else before[0])
        after = after if isinstance(after, tuple) else (after,)
        return states, (*(part[0] for part in after), code)
