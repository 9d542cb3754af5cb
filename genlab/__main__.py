"""`python -m genlab` is `genlab`."""

import os
import sys

if sys.path[0] == os.getcwd():  # noqa: PTH109 - as cheap as can be; Python's -m puts it there
    sys.path.append(sys.path.pop(0))  # at the end, a stray torch.py shadows nothing

from genlab.cli import main

if __name__ == "__main__":
    main()
