"""Frey Faces: 1,965 frames of one man's face, from Sam Roweis's page."""

from typing import Literal

import torch

from genlab.data.base import ImageDataModule
from genlab.data.batches.splits import shuffled
from genlab.data.batches.tensors import ImageTensors
from genlab.data.files.downloads import RemoteFile, fetch
from genlab.data.files.places import data_folder
from genlab.errors import GenlabError
from genlab.regular import exists, require_regular
from genlab.types import Shape

FILE = RemoteFile(
    "frey_faces/frey_rawface.mat",
    (
        "https://cs.nyu.edu/~roweis/data/frey_rawface.mat",
        "https://www.dropbox.com/scl/fi/m70sh4ef39pvy01czc63r/frey_rawface.mat?rlkey=5v6meiap55z68ada2roxwxuql&dl=1",
        "http://www.cs.nyu.edu/~roweis/data/frey_rawface.mat",
    ),
    b"MATLAB 5.0 MAT-file",
    "8b4526974ac94cc25d4300e01c494979",
)
SIZES = {"train": 1565, "val": 200, "test": 200}


class FreyFaces(ImageDataModule):
    """Grey 28 x 20 frames of a film: 1,565 for training, 200 for validation and 200 for testing, as in the literature.

    The file is `data_dir`/frey_faces/frey_rawface.mat, which is downloaded when missing.

    Args:
        data_dir: folder of data sets; by default the environment variable GENLAB_DATA_DIR, else ./data.
        split: "shuffled" draws the three parts by `seed`, as papers do; since neighbouring frames are nearly equal,
            this flatters a model. "time" splits the film in order: 1,565 frames, the next 200 and the last 200.
        batch_size: images per batch and process.
        num_workers: number of processes that assemble batches; 0 is fastest.
        seed: seed of the split and of the order of batches.

    Raises:
        GenlabError: for numbers out of range.
    """

    image_shape: Shape = (1, 28, 20)

    def __init__(
        self,
        data_dir: str | None = None,
        split: Literal["shuffled", "time"] = "shuffled",
        batch_size: int = 100,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.save_hyperparameters(logger=False)
        self.data_dir = data_folder(data_dir)
        self.by_time = split == "time"

    def prepare_data(self) -> None:
        """Download the file if it is missing."""
        fetch(FILE, self.data_dir)

    def setup(self, stage: str | None = None) -> None:
        """Read all three splits."""
        frames = self._read()
        order = torch.arange(len(frames)) if self.by_time else shuffled(len(frames), self.seed)
        self.train_set, self.val_set, self.test_set = map(frames.subset, order.split(list(SIZES.values())))

    def _read(self) -> ImageTensors:
        import scipy.io  # here for a fast start, as in genlab.data.digits

        path = self.data_dir / FILE.path
        if not exists(path):
            raise GenlabError(f"there is no {path}; `genlab data prepare frey` downloads it")
        pixels, count = 28 * 20, sum(SIZES.values())
        try:
            require_regular(path)
            names = {name: shape for name, shape, _ in scipy.io.whosmat(path)}
            fits = names.get("ff") == (pixels, count)  # checked first, since reading may take any amount of memory
            frames = scipy.io.loadmat(path, variable_names=["ff"])["ff"] if fits else None
        except Exception as error:  # scipy raises almost anything for a broken file
            reason = getattr(error, "strerror", None) or error
            raise GenlabError(f"{path} cannot be read ({reason}); delete it to have it downloaded again") from None
        if frames is None or frames.shape != (pixels, count) or frames.dtype != "uint8":
            raise GenlabError(
                f"{path} has no variable ff of {pixels} x {count} bytes; it has {names or 'none'}; "
                "delete it to have it downloaded again"
            )
        return ImageTensors(torch.from_numpy(frames.T.copy()).view(-1, *self.image_shape))
