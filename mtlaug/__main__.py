"""``python -m mtlaug`` is the ``mtlaug`` command."""

import sys

from mtlaug.cli import main

sys.exit(main())
