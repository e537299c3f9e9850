// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/OutputFiles.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace bitnn {

static Error describe(Error error, StringRef path) {
  return createStringError("cannot write '" + path +
                           "': " + toString(std::move(error)));
}

/// Devices and pipes cannot be replaced by a file.
static bool isWrittenDirectly(StringRef path) {
  sys::fs::file_status status;
  return path == "-" ||
         (!sys::fs::status(path, status) && sys::fs::exists(status) &&
          status.type() != sys::fs::file_type::regular_file);
}

static Error writeDirectly(StringRef path, StringRef bytes) {
  std::error_code error;
  raw_fd_ostream os(path, error);
  if (error)
    return errorCodeToError(error);
  os << bytes;
  os.flush();
  // An error left in the stream would end the program.
  error = os.error();
  os.clear_error();
  return errorCodeToError(error);
}

static Expected<sys::fs::TempFile> writeBeside(StringRef path,
                                               StringRef bytes) {
  Expected<sys::fs::TempFile> file =
      sys::fs::TempFile::create(path + ".tmp-%%%%%%%%");
  if (!file)
    return file.takeError();
  raw_fd_ostream os(file->FD, /*shouldClose=*/false);
  os << bytes;
  os.flush();
  std::error_code error = os.error();
  os.clear_error();
  if (!error)
    return file;
  consumeError(file->discard());
  return errorCodeToError(error);
}

void OutputFiles::add(StringRef path, StringRef bytes) {
  files.push_back({path.str(), bytes.str()});
}

Error OutputFiles::commit() {
  std::vector<std::pair<const File *, sys::fs::TempFile>> written;
  std::vector<StringRef> moved;
  auto undo = make_scope_exit([&] {
    for (auto &[file, temporary] : written)
      consumeError(temporary.discard());
    for (StringRef path : moved)
      sys::fs::remove(path);
  });
  for (const File &file : files) {
    if (isWrittenDirectly(file.path))
      continue;
    Expected<sys::fs::TempFile> temporary = writeBeside(file.path, file.bytes);
    if (!temporary)
      return describe(temporary.takeError(), file.path);
    written.emplace_back(&file, std::move(*temporary));
  }
  for (const File &file : files)
    if (isWrittenDirectly(file.path))
      if (Error error = writeDirectly(file.path, file.bytes))
        return describe(std::move(error), file.path);
  for (auto &[file, temporary] : written) {
    if (Error error = temporary.keep(file->path))
      return describe(std::move(error), file->path);
    moved.push_back(file->path);
  }
  undo.release();
  return Error::success();
}

} // namespace bitnn
