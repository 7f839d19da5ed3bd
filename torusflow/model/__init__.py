"""What models offer: an output and its derivative both ways, and abilities that some have, each with its name."""

from ..public import public_names
from .abilities import Coarsenable as Coarsenable
from .abilities import Conditional as Conditional
from .abilities import Confined as Confined
from .abilities import DerivativeBounds as DerivativeBounds
from .abilities import Described as Described
from .abilities import HasCourantNumber as HasCourantNumber
from .abilities import HasDensity as HasDensity
from .abilities import HasDerivativeBounds as HasDerivativeBounds
from .abilities import HasNearest as HasNearest
from .abilities import HasResolution as HasResolution
from .abilities import Layered as Layered
from .abilities import Movable as Movable
from .abilities import OnPoints as OnPoints
from .abilities import Refinable as Refinable
from .abilities import Resolved as Resolved
from .abilities import Restartable as Restartable
from .abilities import Subsampled as Subsampled
from .abilities import sample_axis as sample_axis
from .missing import check_ability as check_ability
from .protocol import Linearisation as Linearisation
from .protocol import Model as Model

__all__ = public_names(vars())


def __dir__():
    return __all__
