"""The public names; each is imported when it is first used, as scikit-learn takes half a second."""

from .clusters import agreement as agreement
from .clusters import cluster as cluster
from .density import CodeDensity as CodeDensity
from .paths import attribute_vector as attribute_vector
from .paths import between as between
from .paths import lerp as lerp
from .paths import normal_lattice as normal_lattice
from .paths import principal as principal
from .paths import slerp as slerp
from .paths import square as square
from .projection import Projection as Projection
from .projection import project as project
