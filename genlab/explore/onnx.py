"""Methods of models as ONNX graphs, checked against PyTorch."""

import contextlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from packaging.version import Version
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from genlab.errors import GenlabError, in_one_line

TOLERANCE = 1e-4
"""Largest difference from PyTorch's outputs that a graph may have."""
OLDEST_TORCH = "2.9"
"""Before, the exporter was a preview, and failed for some layers."""
AT_ONCE = 16
"""Inputs that a graph is checked with at a time."""


@dataclass(frozen=True)
class Graph:
    """An ONNX graph of one method of a model, with inputs of any number.

    Its inputs are "input" (B, ...), "condition" (1, ...) of a conditional model, and "noise0", "noise1", ... (B, ...),
    uniform in [0, 1), where the method is random; its output is "output" (B, ...).
    """

    name: str
    """The file's, without ending."""
    content: bytes
    input: tuple[int, ...]
    """Shape of one input."""
    output: tuple[int, ...]
    """Shape of one output."""
    noise: tuple[tuple[int, ...], ...]
    """Shapes of the noise for one input."""
    difference: float
    """The largest difference from PyTorch's outputs that was found."""


class GivenNoise(TorchFunctionMode):
    """Context that hands dropout its noise, where it is active in evaluation, as in pix2pix.

    Units are dropped where the noise, uniform in [0, 1), is below dropout's probability.

    Args:
        noise: for each dropout, in the order of use, a tensor like what it is applied to; None to draw noise.
    """

    def __init__(self, noise: Iterable[Tensor] | None = None) -> None:
        super().__init__()
        self.used: list[Tensor] = []
        """Noise used so far."""
        self._given: Iterator[Tensor] | None = None if noise is None else iter(noise)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        if func is F.dropout:
            return self._dropout(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _dropout(self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not (training and p):
            return x
        self.used.append(torch.rand_like(x) if self._given is None else next(self._given))
        return x * (self.used[-1] >= p).to(x.dtype) / (1 - p)


class Method(nn.Module):
    """A method of a model as a function of tensors.

    Args:
        model: the model, on the CPU and in evaluation mode.
        name: of the method, which a conditional model has under a condition.
        arguments: further ones of the method, by name.
    """

    def __init__(self, model: nn.Module, name: str, **arguments: Any) -> None:
        super().__init__()
        self.model, self.name, self.arguments = model, name, arguments

    def forward(self, x: Tensor, condition: Tensor | None = None, noise: Sequence[Tensor] | None = None) -> Tensor:
        model: Any = self.model
        with GivenNoise(noise or ()):
            able = model if condition is None else model.given(condition)
            found: Tensor = getattr(able, self.name)(x, **self.arguments)
        return found

    def noise(self, x: Tensor, condition: Tensor | None) -> tuple[Tensor, ...]:
        """Draw the noise that the method takes for inputs."""
        model: Any = self.model
        with GivenNoise() as drawn:
            getattr(model if condition is None else model.given(condition), self.name)(x, **self.arguments)
        return tuple(drawn.used)


def require_exporter() -> None:
    """Raise GenlabError for a PyTorch whose exporter does not do."""
    if Version(torch.__version__) < Version(OLDEST_TORCH):
        raise GenlabError(
            f"a page is exported by PyTorch {OLDEST_TORCH} or newer, and this is {torch.__version__}: "
            "pip install --upgrade torch torchvision"
        )


@torch.no_grad()
def graph_of(name: str, method: Method, x: Tensor, conditions: Tensor | None = None) -> Graph:
    """Export a method as an ONNX graph.

    Args:
        name: the graph's.
        method: what is exported.
        x: inputs that it is checked with, (N, ...).
        conditions: conditions that it is checked under, (M, ...); None for an unconditional model.

    Raises:
        GenlabError: for a method that cannot be exported, or whose graph computes something else.
    """
    one, condition = x[:1], None if conditions is None else conditions[:1]
    with _explained(name, method.model):
        content = _exported(method, _example(x), condition)
        difference = _difference(method, content, x, conditions)
    if not difference <= TOLERANCE:
        raise GenlabError(
            f"the {name} of the {type(method.model).__name__} cannot be exported: as ONNX it differs from PyTorch "
            f"by {difference:.1g}, more than {TOLERANCE:g}"
        )
    noise = method.noise(one, condition)
    input_, output, *rest = (tuple(each.shape[1:]) for each in (one, method(one, condition, noise), *noise))
    return Graph(name, content, input_, output, tuple(rest), difference)


def _example(x: Tensor) -> Tensor:
    """Return inputs to trace with, more than one and of a number that no other side has: others would be fixed."""
    count = next(number for number in range(2, 9) if number not in x.shape[1:])
    return x[torch.arange(count) % len(x)]


def _exported(method: Method, x: Tensor, condition: Tensor | None) -> bytes:
    noise = method.noise(x, condition)
    any_number = {0: torch.export.Dim.AUTO}
    names = ["input", *(["condition"] if condition is not None else []), *(f"noise{i}" for i in range(len(noise)))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's about itself
        program = torch.onnx.export(
            method,
            (x, condition, noise or None),  # None, for torch.export takes no empty tuple
            dynamo=True,
            dynamic_shapes=(any_number, None if condition is None else {}, tuple(any_number for _ in noise) or None),
            input_names=names,
            output_names=["output"],
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    if not graph.graph.output[0].type.tensor_type.shape.dim[0].dim_param:
        raise GenlabError("it takes one number of images only; x.shape[0] in place of len(x) leaves it open")
    content: bytes = graph.SerializeToString()
    return content


def _difference(method: Method, content: bytes, x: Tensor, conditions: Tensor | None) -> float:
    """Return the largest difference of a graph's outputs from PyTorch's, for one input and for several at once."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = 0.0
    for some in (x[:1], *x.split(AT_ONCE)):
        for condition in [None] if conditions is None else conditions.split(1):
            noise = method.noise(some, condition)
            given = [some, *([] if condition is None else [condition]), *noise]
            names = [node.name for node in session.get_inputs()]
            (output,) = session.run(None, {key: one.numpy() for key, one in zip(names, given, strict=True)})
            expected = method(some, condition, noise)
            found = max(found, float((torch.from_numpy(output) - expected).abs().nan_to_num(nan=torch.inf).max()))
    return found


@contextlib.contextmanager
def _explained(name: str, model: nn.Module) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # almost anything, for what the exporter does not know
        cause: BaseException = error
        while cause.__cause__:  # it wraps what it met in advice
            cause = cause.__cause__
        told = f"the {name} of the {type(model).__name__} cannot be exported: {in_one_line(cause)}"
        raise GenlabError(told) from error
