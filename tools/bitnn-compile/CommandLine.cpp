// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Not llvm::cl: that would offer the several hundred options of LLVM too.

#include "CommandLine.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace bitnn {

namespace {
struct OptionHelp {
  StringLiteral name;
  /// What stands after "="; empty if the option has no value.
  StringLiteral value;
  StringLiteral help;
};
} // namespace

static constexpr OptionHelp kOptions[] = {
    {"target", "NAME", "host (default) or a known machine"},
    {"triple", "TRIPLE", "any machine by LLVM's name, instead of a target"},
    {"cpu", "NAME", "LLVM's name of the processor"},
    {"features", "LIST", "LLVM's features, such as +avx2,-fma"},
    {"schedule", "S", "auto (default), straight-line, table or multiply"},
    {"encoding", "E", "csd (default) or binary: how weights become digits"},
    {"sharing", "on|off", "compute sums that several outputs use once; on"},
    {"multiply", "M",
     "the target's multiplier may be used: never (default), "
     "requantize, layers"},
    {"outputs", "NAME,..", "the tensors at which the graph is cut"},
    {"name", "NAME", "the function is NAME_run; else after the model's file"},
    {"batch", "N", "what an open first dimension becomes; 1"},
    {"max-code-size", "BYTES", "of all code; tables where it would be larger"},
    {"max-scratch", "BYTES",
     "of scratch memory; tables where it would be more"},
    {"emit", "KIND", "o, a, so, s, ll or mlir, whatever the ending says"},
    {"report", "FILE", "what was done per layer, as JSON"},
    {"save-stages", "DIR", "the module after every pass"},
    {"count-unbounded", "",
     "report, too, the adds of each layer as one adder graph"},
    {"timeline", "", "print the scratch memory: each buffer, and when"},
    {"parallel", "", "the caller's threads may share the work of a layer"},
    {"threads", "N", "of the compiler; one per processor"},
    {"part-size", "N", "operations whose code is generated at once; 50000"},
    {"check", "on|off", "hold the object to its contract; on"},
    {"print-pipeline", "", "print the passes instead of running them"},
    {"help", "", "print this"},
};

void printHelp(raw_ostream &os) {
  os << "bitnn-compile: quantized networks to code that never multiplies\n\n"
        "  bitnn-compile model.onnx -o model.o    also writes model.h\n\n"
        "The output's ending says what it is: .o .a .so .s .ll .mlir\n\n";
  for (const OptionHelp &option : kOptions) {
    std::string left = ("--" + option.name).str();
    if (!option.value.empty())
      left += ("=" + option.value).str();
    os << "  " << left_justify(left, 24) << option.help << "\n";
  }
  os << "\nTargets: " << join(getTargetNames(), " ") << "\n";
}

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

namespace {
/// The arguments as they are: names of options and their values.
struct Words {
  std::string model, output;
  StringMap<std::string> values;

  bool has(StringRef name) const { return values.contains(name); }
  StringRef get(StringRef name, StringRef otherwise = "") const {
    auto it = values.find(name);
    return it == values.end() ? otherwise : StringRef(it->second);
  }
};
} // namespace

static Expected<Words> readWords(ArrayRef<const char *> arguments) {
  Words words;
  while (!arguments.empty()) {
    StringRef word = arguments.front();
    arguments = arguments.drop_front();
    // The value of an option may be a word of its own.
    auto takeValue = [&](StringRef option) -> Expected<std::string> {
      if (arguments.empty())
        return createStringError(option + " needs a value");
      std::string value = arguments.front();
      arguments = arguments.drop_front();
      return value;
    };
    if (word == "-o") {
      if (Error error = takeValue("-o").moveInto(words.output))
        return std::move(error);
      continue;
    }
    if (!word.starts_with("-") || word == "-") {
      if (!words.model.empty())
        return createStringError("two models, '" + words.model + "' and '" +
                                 word + "'; compile one at a time");
      words.model = word.str();
      continue;
    }
    StringRef name = word.split('=').first;
    const OptionHelp *option = find_if(kOptions, [&](const OptionHelp &known) {
      return name == ("--" + known.name).str();
    });
    if (option == std::end(kOptions))
      return createStringError("unknown option '" + name +
                               "'; --help lists the known ones");
    std::string &stored = words.values[option->name];
    bool given = word.contains('=');
    if (given && option->value.empty())
      return createStringError(name + " takes no value");
    stored = word.split('=').second.str();
    if (!given && !option->value.empty())
      if (Error error = takeValue(name).moveInto(stored))
        return std::move(error);
  }
  return words;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// The index of an option's value among the known ones; the first is the
/// default.
static Expected<size_t> choose(const Words &words, StringRef option,
                               ArrayRef<StringRef> known) {
  StringRef value = words.get(option, known[0]);
  const StringRef *it = find(known, value);
  if (it != known.end())
    return it - known.begin();
  return createStringError("unknown " + option + " '" + value +
                           "'; known are " + join(known, ", "));
}

static Error readNumber(const Words &words, StringRef option, int64_t least,
                        int64_t &number) {
  StringRef value = words.get(option);
  if (!words.has(option) ||
      (!value.getAsInteger(10, number) && number >= least))
    return Error::success();
  return createStringError("--" + option + "='" + value +
                           "' is no whole number of at least " + Twine(least));
}

static Error readTarget(const Words &words, TargetNames &target) {
  if (words.has("triple")) {
    if (words.has("target"))
      return createStringError("--target and --triple exclude each other");
    target = {words.get("triple").str(), words.get("cpu").str(),
              words.get("features").str()};
    return Error::success();
  }
  if (Error error = lookupTarget(words.get("target", "host")).moveInto(target))
    return error;
  if (words.has("cpu")) {
    // The features of the named target are those of its own processor.
    target.cpu = words.get("cpu").str();
    target.features.clear();
  }
  StringRef features = words.get("features");
  if (!features.empty())
    target.features += (target.features.empty() ? "" : ",") + features.str();
  return Error::success();
}

static Error readPipeline(const Words &words, PipelineOptions &pipeline) {
  if (Error error = readTarget(words, pipeline.target))
    return error;
  StringRef schedules[] = {"auto", "straight-line", "table", "multiply"};
  Expected<size_t> schedule = choose(words, "schedule", schedules);
  if (!schedule)
    return schedule.takeError();
  pipeline.schedule = schedules[*schedule].str();
  Expected<size_t> encoding = choose(words, "encoding", {"csd", "binary"});
  if (!encoding)
    return encoding.takeError();
  pipeline.encoding = *encoding ? DigitEncoding::Binary : DigitEncoding::Csd;
  Expected<size_t> multiply =
      choose(words, "multiply", {"never", "requantize", "layers"});
  if (!multiply)
    return multiply.takeError();
  pipeline.multiply = MultiplyUse(*multiply);
  Expected<size_t> sharing = choose(words, "sharing", {"on", "off"});
  if (!sharing)
    return sharing.takeError();
  pipeline.sharing = *sharing == 0;
  pipeline.countUnbounded = words.has("count-unbounded");
  pipeline.parallel = words.has("parallel");
  return readNumber(words, "max-code-size", 1, pipeline.maxCodeSize);
}

/// --emit, or the output's ending.
static Error readEmit(const Words &words, CompileOptions &options) {
  if (words.has("emit"))
    return parseEnding(words.get("emit")).moveInto(options.emit);
  StringRef ending = sys::path::extension(options.output);
  if (ending.consume_front("."))
    return parseEnding(ending).moveInto(options.emit);
  return createStringError("'" + options.output +
                           "' has no ending that says what to write; known "
                           "are .o .a .so .s .ll .mlir, or give --emit");
}

static Error readName(const Words &words, std::string &name) {
  name = words.get("name").str();
  if (!words.has("name") || makeModelName(name) == name)
    return Error::success();
  return createStringError("--name='" + name +
                           "' is no name in C: letters, digits and "
                           "underscores, a letter first");
}

static Error readOptions(const Words &words, CompileOptions &options) {
  options.model = words.model;
  options.output = words.output;
  options.report = words.get("report").str();
  options.saveStages = words.get("save-stages").str();
  if (Error error = readPipeline(words, options.pipeline))
    return error;
  if (Error error = readName(words, options.name))
    return error;
  SmallVector<StringRef> outputs;
  words.get("outputs").split(outputs, ',', -1, /*KeepEmpty=*/false);
  for (StringRef output : outputs)
    options.outputs.push_back(output.str());
  if (Error error = readNumber(words, "batch", 1, options.batch))
    return error;
  if (Error error = readNumber(words, "max-scratch", 1, options.maxScratch))
    return error;
  int64_t threads = options.threads;
  if (Error error = readNumber(words, "threads", 1, threads))
    return error;
  options.threads = threads;
  if (Error error = readNumber(words, "part-size", 1, options.partSize))
    return error;
  Expected<size_t> check = choose(words, "check", {"on", "off"});
  if (!check)
    return check.takeError();
  options.check = *check == 0;
  return Error::success();
}

Expected<Command> parseCommandLine(ArrayRef<const char *> arguments) {
  Expected<Words> words = readWords(arguments);
  if (!words)
    return words.takeError();
  Command command;
  if (words->has("help")) {
    command.action = Command::Action::PrintHelp;
    return command;
  }
  if (Error error = readOptions(*words, command.options))
    return std::move(error);
  command.timeline = words->has("timeline");
  if (words->has("print-pipeline")) {
    command.action = Command::Action::PrintPipeline;
    return command;
  }
  if (words->model.empty())
    return createStringError("no model; bitnn-compile model.onnx -o model.o");
  if (words->output.empty())
    return createStringError("no output; -o model.o says where to write");
  if (Error error = readEmit(*words, command.options))
    return std::move(error);
  return command;
}

} // namespace bitnn
