// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/ObjectContract.h"
#include "InstructionDecoder.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELFObjectFile.h"

using namespace llvm;
using object::ELFSectionRef;
using object::ELFSymbolRef;

namespace bitnn {

//===----------------------------------------------------------------------===//
// Walking an object
//===----------------------------------------------------------------------===//

static Expected<std::unique_ptr<object::ObjectFile>>
openObject(StringRef bytes) {
  Expected<std::unique_ptr<object::ObjectFile>> file =
      object::ObjectFile::createELFObjectFile(
          MemoryBufferRef(bytes, "the object"));
  if (!file)
    return file.takeError();
  return std::move(*file);
}

namespace {
/// What the symbols of a section say: where functions begin, and by the
/// mapping symbols of the ABI ($x, $a, $t; $d) where code and data begin.
struct SectionMap {
  std::map<uint64_t, std::string> functions;
  std::map<uint64_t, bool> isData;

  /// The end of the stretch around `offset`: the next function or the next
  /// change between code and data.
  uint64_t getEnd(uint64_t offset, uint64_t size) const {
    if (auto next = isData.upper_bound(offset); next != isData.end())
      size = std::min(size, next->first);
    if (auto next = functions.upper_bound(offset); next != functions.end())
      size = std::min(size, next->first);
    return size;
  }
  bool isDataAt(uint64_t offset) const {
    auto next = isData.upper_bound(offset);
    return next != isData.begin() && std::prev(next)->second;
  }
};
} // namespace

static Expected<SectionMap> mapSection(const object::ObjectFile &file,
                                       const object::SectionRef &section) {
  SectionMap map;
  for (const object::SymbolRef &symbol : file.symbols()) {
    Expected<object::section_iterator> home = symbol.getSection();
    if (!home)
      return home.takeError();
    if (*home == file.section_end() || **home != section)
      continue;
    Expected<StringRef> name = symbol.getName();
    Expected<uint64_t> address = symbol.getAddress();
    if (!name || !address)
      return joinErrors(name.takeError(), address.takeError());
    uint64_t offset = *address - section.getAddress();
    if (name->size() >= 2 && name->front() == '$' &&
        StringRef("xatd").contains((*name)[1]))
      map.isData[offset] = (*name)[1] == 'd';
    else if (ELFSymbolRef(symbol).getELFType() == ELF::STT_FUNC)
      map.functions[offset] = name->str();
  }
  return map;
}

static void findInStretch(InstructionDecoder &decoder, ArrayRef<uint8_t> code,
                          uint64_t begin, uint64_t end, StringRef section,
                          const SectionMap &map,
                          std::vector<Finding> &findings) {
  uint64_t size = 0;
  for (uint64_t offset = begin; offset < end; offset += size) {
    bool readable =
        decoder.read(code.slice(offset, end - offset), offset, size);
    if (readable && decoder.getKind() == InstructionKind::Ordinary)
      continue;
    Finding finding;
    auto next = map.functions.upper_bound(offset);
    bool inside = next != map.functions.begin();
    finding.function = inside ? std::prev(next)->second : section.str();
    finding.offset = inside ? offset - std::prev(next)->first : offset;
    if (readable) {
      finding.kind = decoder.getKind();
      finding.text = decoder.getText(offset);
    } else {
      finding.text = toHex(code.slice(offset, std::min(size, end - offset)));
    }
    findings.push_back(std::move(finding));
  }
}

Expected<std::vector<Finding>> findInstructions(StringRef bytes,
                                                const TargetNames &target) {
  Expected<std::unique_ptr<object::ObjectFile>> file = openObject(bytes);
  if (!file)
    return file.takeError();
  Expected<std::unique_ptr<InstructionDecoder>> decoder =
      InstructionDecoder::create(target);
  if (!decoder)
    return decoder.takeError();
  std::vector<Finding> findings;
  for (const object::SectionRef &section : (*file)->sections()) {
    if (!section.isText())
      continue;
    Expected<StringRef> contents = section.getContents();
    Expected<StringRef> name = section.getName();
    if (!contents || !name)
      return joinErrors(contents.takeError(), name.takeError());
    Expected<SectionMap> map = mapSection(**file, section);
    if (!map)
      return map.takeError();
    ArrayRef<uint8_t> code = arrayRefFromStringRef(*contents);
    uint64_t end = 0;
    for (uint64_t offset = 0; offset < code.size(); offset = end) {
      end = map->getEnd(offset, code.size());
      if (!map->isDataAt(offset))
        findInStretch(**decoder, code, offset, end, *name, *map, findings);
    }
  }
  return findings;
}

Expected<std::vector<std::string>> getUndefinedSymbols(StringRef bytes) {
  Expected<std::unique_ptr<object::ObjectFile>> file = openObject(bytes);
  if (!file)
    return file.takeError();
  std::vector<std::string> names;
  for (const object::SymbolRef &symbol : (*file)->symbols()) {
    Expected<uint32_t> flags = symbol.getFlags();
    Expected<StringRef> name = symbol.getName();
    if (!flags || !name)
      return joinErrors(flags.takeError(), name.takeError());
    if ((*flags & object::SymbolRef::SF_Undefined) && !name->empty())
      names.push_back(name->str());
  }
  llvm::sort(names);
  return names;
}

//===----------------------------------------------------------------------===//
// The contract
//===----------------------------------------------------------------------===//

/// The products of the compiler's runtime library (libgcc, compiler-rt).
static bool isRuntimeMultiply(StringRef symbol) {
  return symbol == "__mulhi3" || symbol == "__mulsi3" || symbol == "__muldi3" ||
         symbol == "__multi3";
}

static Error refuse(const Finding &finding, size_t others) {
  std::string message = "function '" + finding.function + "', offset 0x" +
                        utohexstr(finding.offset, /*LowerCase=*/true) + ": '" +
                        finding.text + "' is ";
  message += finding.kind ? describe(*finding.kind).str()
                          : std::string("no instruction of the target");
  if (others)
    message += ", and " + std::to_string(others) + " more";
  if (finding.kind == InstructionKind::Multiply)
    message += "; allow it with --multiply=layers, or";
  else
    message += "; no option allows that:";
  return createStringError(message + " look for its origin in the stages that "
                                     "--save-stages=DIR writes");
}

Error checkObject(StringRef object, const TargetNames &target,
                  const ContractOptions &options) {
  Expected<std::vector<Finding>> findings = findInstructions(object, target);
  if (!findings)
    return findings.takeError();
  if (options.allowMultiply)
    llvm::erase_if(*findings, [](const Finding &finding) {
      return finding.kind == InstructionKind::Multiply;
    });
  if (!findings->empty())
    return refuse(findings->front(), findings->size() - 1);

  Expected<std::vector<std::string>> symbols = getUndefinedSymbols(object);
  if (!symbols)
    return symbols.takeError();
  for (const std::string &symbol : *symbols) {
    bool multiplies = isRuntimeMultiply(symbol);
    if (multiplies && options.allowMultiply)
      continue;
    return createStringError(
        "the code calls or reads '" + symbol +
        "', which the object does not define; " +
        (multiplies ? "allow it with --multiply=layers, or "
                    : "objects must not need a library: ") +
        "look for its origin in the stages that --save-stages=DIR writes");
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

uint64_t ObjectSizes::getKernelCode(StringRef kernel) const {
  uint64_t bytes = 0;
  for (const auto &[name, size] : functions) {
    StringRef rest = name;
    if (rest.consume_front(kernel) && (rest.empty() || rest.front() == '.'))
      bytes += size;
  }
  return bytes;
}

Expected<ObjectSizes> measureObject(StringRef bytes) {
  Expected<std::unique_ptr<object::ObjectFile>> file = openObject(bytes);
  if (!file)
    return file.takeError();
  ObjectSizes sizes;
  for (const object::SectionRef &section : (*file)->sections())
    if (section.isText())
      sizes.code += section.getSize();
    else if (ELFSectionRef(section).getFlags() & ELF::SHF_ALLOC)
      sizes.data += section.getSize();
  for (const object::SymbolRef &symbol : (*file)->symbols()) {
    if (ELFSymbolRef(symbol).getELFType() != ELF::STT_FUNC)
      continue;
    Expected<StringRef> name = symbol.getName();
    if (!name)
      return name.takeError();
    sizes.functions[name->str()] += ELFSymbolRef(symbol).getSize();
  }
  return sizes;
}

} // namespace bitnn
