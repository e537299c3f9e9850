// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The objects are read back and streamed, section by section, into LLVM's own
// writer of objects, as an assembler would: labels, bytes, relocations.

#include "bitnn/Compiler/ObjectMerger.h"
#include "bitnn/Compiler/ObjectEmitter.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/MCAsmBackend.h"
#include "llvm/MC/MCAsmInfo.h"
#include "llvm/MC/MCCodeEmitter.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCELFStreamer.h"
#include "llvm/MC/MCExpr.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCObjectFileInfo.h"
#include "llvm/MC/MCObjectWriter.h"
#include "llvm/MC/MCRegisterInfo.h"
#include "llvm/MC/MCSectionELF.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/MCSymbolELF.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ELFObjectFile.h"
#include <map>

using namespace llvm;
using object::ELFSectionRef;
using object::ELFSymbolRef;
using object::SectionRef;
using object::SymbolRef;

namespace bitnn {

/// The parts of an object that become part of the merged one.
static bool isContent(const ELFSectionRef &section) {
  switch (section.getType()) {
  case ELF::SHT_NULL:
  case ELF::SHT_SYMTAB:
  case ELF::SHT_STRTAB:
  case ELF::SHT_RELA:
  case ELF::SHT_LLVM_ADDRSIG:
    return false;
  default:
    return true;
  }
}

static bool isHidden(const ELFSymbolRef &symbol) {
  return (symbol.getOther() & 3) == ELF::STV_HIDDEN;
}

/// The place of a symbol in its object's table.
static uint32_t getKey(const SymbolRef &symbol) {
  return symbol.getRawDataRefImpl().d.b;
}

namespace {
class Merger {
public:
  static Expected<std::unique_ptr<Merger>> create(const TargetNames &target);

  Error add(StringRef object);
  /// Ends the object, whose source is called `name`.
  Expected<SmallString<0>> finish(StringRef name);

private:
  /// Where the symbols of a section are.
  using Labels = std::multimap<uint64_t, SymbolRef>;

  Expected<MCSymbol *> makeSymbol(const ELFSymbolRef &symbol);
  Error readSymbols(const object::ObjectFile &file);
  Error addSection(const ELFSectionRef &section);
  void addLabel(const ELFSymbolRef &symbol);
  Error addRelocations(const SectionRef &section);

  std::unique_ptr<TargetMachine> machine;
  std::unique_ptr<MCSubtargetInfo> subtarget;
  std::unique_ptr<MCContext> context;
  std::unique_ptr<MCObjectFileInfo> fileInfo;
  SmallString<0> bytes;
  raw_svector_ostream stream{bytes};
  std::unique_ptr<MCELFStreamer> streamer;
  /// Symbols that several objects know.
  StringMap<MCSymbol *> shared;

  /// Of the object that is being added: its symbols, the beginnings of its
  /// sections, and the labels in them.
  DenseMap<uint32_t, MCSymbol *> symbols;
  DenseMap<uint64_t, MCSymbol *> begins;
  DenseMap<uint64_t, Labels> labels;
  bool isFirst = true;
};
} // namespace

Expected<std::unique_ptr<Merger>> Merger::create(const TargetNames &names) {
  auto merger = std::make_unique<Merger>();
  Expected<std::unique_ptr<TargetMachine>> created = createTargetMachine(names);
  if (!created)
    return created.takeError();
  merger->machine = std::move(*created);
  TargetMachine &machine = *merger->machine;
  const Triple &triple = machine.getTargetTriple();
  const Target &target = machine.getTarget();
  const MCRegisterInfo &registers = *machine.getMCRegisterInfo();
  const MCTargetOptions &options = machine.Options.MCOptions;
  merger->subtarget.reset(
      target.createMCSubtargetInfo(triple, names.cpu, names.features));
  merger->context = std::make_unique<MCContext>(
      triple, machine.getMCAsmInfo(), &registers, merger->subtarget.get(),
      /*Mgr=*/nullptr, &options);
  MCContext &context = *merger->context;
  merger->fileInfo.reset(
      target.createMCObjectFileInfo(context, machine.isPositionIndependent()));
  context.setObjectFileInfo(merger->fileInfo.get());
  std::unique_ptr<MCAsmBackend> backend(
      target.createMCAsmBackend(*merger->subtarget, registers, options));
  std::unique_ptr<MCObjectWriter> writer =
      backend->createObjectWriter(merger->stream);
  std::unique_ptr<MCCodeEmitter> emitter(
      target.createMCCodeEmitter(*machine.getMCInstrInfo(), context));
  // What streams ELF objects is derived from MCELFStreamer on every target.
  merger->streamer.reset(static_cast<MCELFStreamer *>(
      target.createMCObjectStreamer(triple, context, std::move(backend),
                                    std::move(writer), std::move(emitter),
                                    *merger->subtarget)));
  merger->streamer->initSections(/*NoExecStack=*/true, *merger->subtarget);
  return merger;
}

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

/// Local symbols may share names; any other is one symbol in all objects.
Expected<MCSymbol *> Merger::makeSymbol(const ELFSymbolRef &symbol) {
  Expected<StringRef> name = symbol.getName();
  if (!name)
    return name.takeError();
  if (symbol.getBinding() == ELF::STB_LOCAL)
    return context->createLocalSymbol(*name);
  MCSymbol *&known = shared[*name];
  if (!known)
    known = context->getOrCreateSymbol(*name);
  return known;
}

Error Merger::readSymbols(const object::ObjectFile &file) {
  symbols.clear();
  begins.clear();
  labels.clear();
  for (const SectionRef &section : file.sections())
    begins[section.getIndex()] = context->createTempSymbol();
  for (const SymbolRef &symbol : file.symbols()) {
    ELFSymbolRef elf(symbol);
    Expected<object::section_iterator> home = symbol.getSection();
    if (!home)
      return home.takeError();
    bool isDefined = *home != file.section_end();
    uint32_t key = getKey(symbol);
    if (elf.getELFType() == ELF::STT_SECTION) {
      symbols[key] = begins[(*home)->getIndex()];
      continue;
    }
    if (elf.getELFType() == ELF::STT_FILE)
      continue;
    Expected<MCSymbol *> made = makeSymbol(elf);
    Expected<uint64_t> offset = symbol.getValue();
    if (!made || !offset)
      return joinErrors(made.takeError(), offset.takeError());
    symbols[key] = *made;
    if (isDefined)
      labels[(*home)->getIndex()].emplace(*offset, symbol);
  }
  return Error::success();
}

void Merger::addLabel(const ELFSymbolRef &symbol) {
  MCSymbol *label = symbols.lookup(getKey(symbol));
  streamer->emitLabel(label);
  if (symbol.getBinding() != ELF::STB_LOCAL)
    streamer->emitSymbolAttribute(label,
                                  isHidden(symbol) ? MCSA_Local : MCSA_Global);
  if (symbol.getELFType() == ELF::STT_FUNC)
    streamer->emitSymbolAttribute(label, MCSA_ELF_TypeFunction);
  if (symbol.getELFType() == ELF::STT_OBJECT)
    streamer->emitSymbolAttribute(label, MCSA_ELF_TypeObject);
  if (uint64_t size = symbol.getSize())
    streamer->emitELFSize(label, MCConstantExpr::create(size, *context));
}

//===----------------------------------------------------------------------===//
// Sections
//===----------------------------------------------------------------------===//

/// Appends a section to what the merged object has of that name.
Error Merger::addSection(const ELFSectionRef &section) {
  Expected<StringRef> contents = section.getContents();
  Expected<StringRef> name = section.getName();
  if (!contents || !name)
    return joinErrors(contents.takeError(), name.takeError());
  // What the machine is; all objects say the same.
  bool isCode = section.getType() == ELF::SHT_PROGBITS;
  if (!isCode && !isFirst)
    return Error::success();
  if (section.getFlags() &
      (ELF::SHF_GROUP | ELF::SHF_LINK_ORDER | ELF::SHF_TLS))
    return createStringError("the section '" + *name + "' of flags " +
                             Twine(section.getFlags()));
  // Linkers may join equal constants of such sections, one by one: then no
  // distance from a symbol to another constant would be what it is here.
  bool isMerged = section.getFlags() & ELF::SHF_MERGE;
  streamer->switchSection(context->getELFSection(
      isMerged ? ".rodata" : *name, section.getType(),
      section.getFlags() & ~uint64_t(ELF::SHF_MERGE | ELF::SHF_STRINGS)));
  Align alignment = section.getAlignment();
  if (section.isText())
    streamer->emitCodeAlignment(alignment, subtarget.get());
  else
    streamer->emitValueToAlignment(alignment);
  streamer->emitLabel(begins[section.getIndex()]);
  uint64_t done = 0;
  auto addBytesUntil = [&](uint64_t end) {
    // Not the target's own, which would mark them as data: what is data is said
    // by symbols of the object.
    if (end != done)
      streamer->MCELFStreamer::emitBytes(contents->slice(done, end));
    done = end;
  };
  for (const auto &[offset, symbol] : labels[section.getIndex()]) {
    addBytesUntil(offset);
    addLabel(symbol);
  }
  addBytesUntil(contents->size());
  return Error::success();
}

Error Merger::addRelocations(const SectionRef &section) {
  Expected<object::section_iterator> target = section.getRelocatedSection();
  if (!target)
    return target.takeError();
  MCSymbol *begin = begins[(*target)->getIndex()];
  streamer->switchSection(&begin->getSection());
  for (const object::RelocationRef &relocation : section.relocations()) {
    Expected<int64_t> addend = object::ELFRelocationRef(relocation).getAddend();
    if (!addend)
      return addend.takeError();
    auto add = [&](MCSymbol *symbol, int64_t value) {
      return MCBinaryExpr::createAdd(MCSymbolRefExpr::create(symbol, *context),
                                     MCConstantExpr::create(value, *context),
                                     *context);
    };
    MCSymbol *symbol = symbols.lookup(getKey(*relocation.getSymbol()));
    SmallString<32> name;
    relocation.getTypeName(name);
    streamer->emitRelocDirective(*add(begin, relocation.getOffset()), name,
                                 add(symbol, *addend));
  }
  return Error::success();
}

Error Merger::add(StringRef object) {
  Expected<std::unique_ptr<object::ObjectFile>> file =
      object::ObjectFile::createELFObjectFile(
          MemoryBufferRef(object, "the object"));
  if (!file)
    return file.takeError();
  if (Error error = readSymbols(**file))
    return error;
  for (const SectionRef &section : (*file)->sections())
    if (isContent(section))
      if (Error error = addSection(section))
        return error;
  for (const SectionRef &section : (*file)->sections())
    if (ELFSectionRef(section).getType() == ELF::SHT_RELA)
      if (Error error = addRelocations(section))
        return error;
  isFirst = false;
  return Error::success();
}

Expected<SmallString<0>> Merger::finish(StringRef name) {
  streamer->emitFileDirective(name);
  streamer->finish();
  if (context->hadError())
    return createStringError("it could not be written");
  return std::move(bytes);
}

Expected<SmallString<0>> mergeObjects(ArrayRef<SmallString<0>> objects,
                                      StringRef name,
                                      const TargetNames &target) {
  auto fail = [](Error error) {
    return createStringError("cannot join the parts of the object: " +
                             toString(std::move(error)));
  };
  Expected<std::unique_ptr<Merger>> merger = Merger::create(target);
  if (!merger)
    return merger.takeError();
  for (const SmallString<0> &object : objects)
    if (Error error = (*merger)->add(object))
      return fail(std::move(error));
  Expected<SmallString<0>> merged = (*merger)->finish(name);
  if (!merged)
    return fail(merged.takeError());
  return merged;
}

} // namespace bitnn
