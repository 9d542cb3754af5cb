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
"""Oldest supported PyTorch; before it, the exporter was a preview and failed for some layers."""
AT_ONCE = 16
"""Number of inputs to check a graph with at a time."""


@dataclass(frozen=True)
class Graph:
    """An ONNX graph of one method of a model, for any number of inputs.

    Its inputs are "input" (B, ...), "condition" (1, ...) of a conditional model, and "noise0", "noise1", ... (B, ...),
    uniform in [0, 1), where the method is random; its output is "output" (B, ...).
    """

    name: str
    """Name of the file, without extension."""
    content: bytes
    input: tuple[int, ...]
    """Shape of one input."""
    output: tuple[int, ...]
    """Shape of one output."""
    noise: tuple[tuple[int, ...], ...]
    """Shapes of the noise for one input."""
    difference: float
    """The largest observed difference from PyTorch's outputs."""


class GivenNoise(TorchFunctionMode):
    """Context that supplies the noise of dropout that is active in evaluation, as in pix2pix.

    Units are dropped where the noise, uniform in [0, 1), is below dropout's probability.

    Args:
        noise: for each dropout, in order of use, a tensor of the same shape as its input; None to draw noise.
    """

    def __init__(self, noise: Iterable[Tensor] | None = None) -> None:
        super().__init__()
        self.used: list[Tensor] = []
        """Noise that has been used so far."""
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
    """A method of a model as a module with only tensor inputs.

    Args:
        model: the model, on the CPU and in evaluation mode.
        name: name of the method; a conditional model has it under a condition.
        arguments: the method's other arguments, by name.
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
        """Draw the noise that the method uses for given inputs."""
        model: Any = self.model
        with GivenNoise() as drawn:
            getattr(model if condition is None else model.given(condition), self.name)(x, **self.arguments)
        return tuple(drawn.used)


def require_exporter() -> None:
    """Raise GenlabError for a PyTorch whose exporter is too old."""
    if Version(torch.__version__) < Version(OLDEST_TORCH):
        raise GenlabError(
            f"exporting a page needs PyTorch {OLDEST_TORCH} or newer, and this is {torch.__version__}: "
            "pip install --upgrade torch torchvision"
        )


@torch.no_grad()
def graph_of(name: str, method: Method, x: Tensor, conditions: Tensor | None = None) -> Graph:
    """Export a method as an ONNX graph.

    Args:
        name: name of the graph.
        method: the method to export.
        x: inputs to check it with, (N, ...).
        conditions: conditions to check it under, (M, ...); None for an unconditional model.

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
    """Return inputs to trace with; a count of 1, or one equal to another dimension, could become fixed in the graph."""
    count = next(number for number in range(2, 9) if number not in x.shape[1:])
    return x[torch.arange(count) % len(x)]


def _exported(method: Method, x: Tensor, condition: Tensor | None) -> bytes:
    noise = method.noise(x, condition)
    any_number = {0: torch.export.Dim.AUTO}
    names = ["input", *(["condition"] if condition is not None else []), *(f"noise{i}" for i in range(len(noise)))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own code
        program = torch.onnx.export(
            method,
            (x, condition, noise or None),  # torch.export does not accept an empty tuple
            dynamo=True,
            dynamic_shapes=(any_number, None if condition is None else {}, tuple(any_number for _ in noise) or None),
            input_names=names,
            output_names=["output"],
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    if not graph.graph.output[0].type.tensor_type.shape.dim[0].dim_param:
        raise GenlabError("it works for a single batch size only; use x.shape[0] in place of len(x)")
    content: bytes = graph.SerializeToString()
    return content


def _difference(method: Method, content: bytes, x: Tensor, conditions: Tensor | None) -> float:
    """Return the largest difference between a graph's and PyTorch's outputs, for one input and for several at once."""
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
    except Exception as error:  # the exporter raises almost anything for unsupported operations
        cause: BaseException = error
        while cause.__cause__:  # it wraps the original error in advice
            cause = cause.__cause__
        told = f"the {name} of the {type(model).__name__} cannot be exported: {in_one_line(cause)}"
        raise GenlabError(told) from error
