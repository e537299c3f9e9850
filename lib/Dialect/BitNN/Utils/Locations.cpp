// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/Utils/Locations.h"

using namespace mlir;
using namespace bitnn;

std::string bitnn::getNodeName(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName().str();
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (std::string name = getNodeName(part); !name.empty())
        return name;
  if (auto call = dyn_cast<CallSiteLoc>(loc))
    return getNodeName(call.getCallee());
  return "";
}

std::string bitnn::getNodeNameOrLine(Location loc) {
  if (std::string name = getNodeName(loc); !name.empty())
    return name;
  if (auto file = dyn_cast<FileLineColLoc>(loc))
    return ("line " + Twine(file.getLine())).str();
  return "";
}
