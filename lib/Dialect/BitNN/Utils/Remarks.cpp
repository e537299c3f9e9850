// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/Utils/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace bitnn;

remark::RemarkOpts bitnn::getRemarkOptions(Operation *op, StringRef pass) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  return remark::RemarkOpts::name(op->getName().getStringRef())
      .category(pass)
      .function(function ? function.getName() : StringRef());
}

void bitnn::emitMissedRemark(Operation *op, StringRef pass,
                             const Obstacle &obstacle) {
  remark::missed(op->getLoc(), getRemarkOptions(op, pass))
      << remark::reason("{0}", obstacle.reason)
      << remark::suggest("{0}", obstacle.suggestion);
}
