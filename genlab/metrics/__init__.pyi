"""The public names; each is imported when it is first used, as scikit-learn takes half a second."""

from .active_units import ActiveUnits as ActiveUnits
from .code_usage import CodeUsage as CodeUsage
from .features import FeatureMaps as FeatureMaps
from .features import VGG16Features as VGG16Features
from .information import mutual_information as mutual_information
from .perplexity import Perplexity as Perplexity
from .probes import few_label_accuracy as few_label_accuracy
