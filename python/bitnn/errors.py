# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one exception that users see."""


class BitnnError(Exception):
    """A model, an array or an option that cannot be used; the text is one line for the user."""
