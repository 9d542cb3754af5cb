"""The data sets of pix2pix and CycleGAN, downloaded by name from Berkeley's servers."""

from pathlib import Path

from genlab.data.files.archives import unpack
from genlab.data.files.downloads import RemoteFile, fetch
from genlab.data.files.places import lock_for

PIX2PIX = ("cityscapes", "edges2handbags", "edges2shoes", "facades", "maps", "night2day")
"""Names of data sets of aligned pairs, side by side (Isola et al. 2017)."""
CYCLEGAN = (
    "ae_photos",
    "apple2orange",
    "cezanne2photo",
    "horse2zebra",
    "iphone2dslr_flower",
    "monet2photo",
    "summer2winter_yosemite",
    "ukiyoe2photo",
    "vangogh2photo",
)
"""Names of data sets of unpaired domains (Zhu et al. 2017)."""
BERKELEY = "efrosgans.eecs.berkeley.edu"
HOMES = "people.eecs.berkeley.edu"


def download_missing(folder: Path) -> None:
    """Download and unpack the data set of a folder's name, if the folder is missing.

    Raises:
        GenlabError: when no source provides it, or it cannot be unpacked.
    """
    if folder.exists() or folder.name not in (*PIX2PIX, *CYCLEGAN):
        return
    archive = fetch(_archive(folder.name), folder.parent)
    with lock_for(folder):
        if not folder.exists():  # another process may have been faster
            unpack(archive, folder)


def _archive(name: str) -> RemoteFile:
    if name in PIX2PIX:
        file, magic = f"{name}.tar.gz", b"\x1f\x8b"
        paths = (f"{BERKELEY}/pix2pix/datasets", f"{HOMES}/~tinghuiz/projects/pix2pix/datasets")
    else:
        file, magic = f"{name}.zip", b"PK\x03\x04"
        paths = (f"{BERKELEY}/cyclegan/datasets", f"{HOMES}/~taesung_park/CycleGAN/datasets")
    official, homes = (f"{path}/{file}" for path in paths)
    return RemoteFile(file, (f"https://{official}", f"https://{homes}", f"http://{official}"), magic)
