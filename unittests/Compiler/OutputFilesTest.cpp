// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/OutputFiles.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

using namespace bitnn;
using namespace llvm;

namespace {
class OutputFilesTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(sys::fs::createUniqueDirectory("bitnn-test", folder));
  }
  void TearDown() override { sys::fs::remove_directories(folder); }

  std::string getPath(StringRef name) const {
    SmallString<128> path(folder);
    sys::path::append(path, name);
    return std::string(path);
  }
  static std::string read(StringRef path) {
    auto buffer = MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : "(none)";
  }
  unsigned countFiles() const {
    std::error_code error;
    unsigned count = 0;
    for (sys::fs::directory_iterator it(folder, error), end; it != end;
         it.increment(error))
      ++count;
    return count;
  }

  SmallString<128> folder;
};
} // namespace

TEST_F(OutputFilesTest, FilesAreWrittenAndReplaced) {
  for (StringRef text : {"first", "second"}) {
    OutputFiles files;
    files.add(getPath("a"), text);
    files.add(getPath("b"), "b");
    EXPECT_EQ(toString(files.commit()), "");
    EXPECT_EQ(read(getPath("a")), text);
  }
  EXPECT_EQ(countFiles(), 2u);
}

TEST_F(OutputFilesTest, NothingIsWrittenIfOneFails) {
  OutputFiles before;
  before.add(getPath("a"), "before");
  EXPECT_EQ(toString(before.commit()), "");
  OutputFiles files;
  files.add(getPath("a"), "after");
  files.add(getPath("nowhere/b"), "b");
  std::string message = toString(files.commit());
  EXPECT_NE(message.find("nowhere/b"), std::string::npos);
  EXPECT_EQ(read(getPath("a")), "before");
  EXPECT_EQ(countFiles(), 1u);
}

TEST_F(OutputFilesTest, DevicesAreNotReplaced) {
  OutputFiles files;
  files.add("/dev/null", "text");
  EXPECT_EQ(toString(files.commit()), "");
  sys::fs::file_status status;
  ASSERT_FALSE(sys::fs::status("/dev/null", status));
  EXPECT_EQ(status.type(), sys::fs::file_type::character_file);
}
