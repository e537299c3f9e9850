# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bitnn beside other int8 runtimes: same file, same process, interleaved, one thread."""
