# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m bitnn` is the command `bitnn`."""

import sys

from bitnn.command import main

sys.exit(main())
