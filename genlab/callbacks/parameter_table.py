"""Table of a model's parts and their parameters."""

from typing import Any

from lightning.pytorch.callbacks import ModelSummary
from lightning.pytorch.utilities import rank_zero_info
from lightning.pytorch.utilities.model_summary.model_summary import get_human_readable_count


class ParameterTable(ModelSummary):
    """Lightning's model summary, only of parts with parameters, and without columns that are always 0."""

    @staticmethod
    def summarize(
        summary_data: list[tuple[str, list[str]]],
        total_parameters: int,
        trainable_parameters: int,
        *args: Any,
        **_: Any,
    ) -> None:
        """Print the parts of a model with their numbers of parameters."""
        columns = dict(summary_data)
        rows = zip(columns["Name"], columns["Type"], columns["Params"], strict=True)
        lines = [[name, kind, count] for name, kind, count in rows if count.strip() not in ("0", "--")]
        total = get_human_readable_count(total_parameters).strip()
        fixed = get_human_readable_count(total_parameters - trainable_parameters).strip()
        lines.append(["total", "", total + (f", of which {fixed} are frozen" if fixed != "0" else "")])
        widths = [max(map(len, column)) for column in zip(*(line[:2] for line in lines), strict=True)]
        table = (f"  {name:{widths[0]}}  {kind:{widths[1]}}  {count.strip()}" for name, kind, count in lines)
        rank_zero_info("\n".join(["parameters:", *table]))
