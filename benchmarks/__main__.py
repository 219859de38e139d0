"""`python -m benchmarks [--check] NAME...`."""

import sys

from benchmarks.harness import main

sys.exit(main())
