// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A QEMU plugin that counts executed instructions by mnemonic, in all functions
// but those of the runner. It writes lines "count mnemonic" to the file given
// as `out=FILE`. Debian packages no qemu-plugin.h: these are the declarations
// of plugin API version 1 that it needs.

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t PluginId;
struct TranslationBlock;
struct Instruction;
enum { AddUInt64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(PluginId,
                                           void (*)(PluginId,
                                                    struct TranslationBlock *));
void qemu_plugin_register_atexit_cb(PluginId, void (*)(PluginId, void *),
                                    void *);
void qemu_plugin_register_vcpu_insn_exec_inline(struct Instruction *, int,
                                                void *, uint64_t);
size_t qemu_plugin_tb_n_insns(const struct TranslationBlock *);
struct Instruction *qemu_plugin_tb_get_insn(const struct TranslationBlock *,
                                            size_t);
char *qemu_plugin_insn_disas(const struct Instruction *);
const char *qemu_plugin_insn_symbol(const struct Instruction *);

int qemu_plugin_version = 1;

// The counters' addresses go into generated code, so they never move.
enum { Most = 512 };
static struct {
  char mnemonic[24];
  uint64_t executed;
} counters[Most];
static char path[4096];

static uint64_t *counterOf(const char *text) {
  char mnemonic[sizeof(counters[0].mnemonic)] = {0};
  // On RISC-V the encoding comes first, as eight digits.
  if (strspn(text, "0123456789abcdef") == 8)
    text += 8 + strspn(text + 8, " \t");
  size_t length = strcspn(text, " \t");
  if (length >= sizeof(mnemonic))
    length = sizeof(mnemonic) - 1;
  memcpy(mnemonic, text, length);
  size_t index = 0;
  while (index + 1 < Most && counters[index].mnemonic[0] != 0 &&
         strcmp(counters[index].mnemonic, mnemonic) != 0)
    ++index;
  memcpy(counters[index].mnemonic, mnemonic, sizeof(mnemonic));
  return &counters[index].executed;
}

static void translated(PluginId id, struct TranslationBlock *block) {
  (void)id;
  for (size_t i = 0, e = qemu_plugin_tb_n_insns(block); i != e; ++i) {
    struct Instruction *instruction = qemu_plugin_tb_get_insn(block, i);
    const char *symbol = qemu_plugin_insn_symbol(instruction);
    if (symbol != NULL &&
        (strncmp(symbol, "runner_", 7) == 0 || strcmp(symbol, "_start") == 0))
      continue;
    char *text = qemu_plugin_insn_disas(instruction);
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, AddUInt64,
                                               counterOf(text), 1);
    free(text);
  }
}

static void finished(PluginId id, void *data) {
  (void)id;
  (void)data;
  FILE *file = fopen(path, "w");
  if (file == NULL)
    return;
  for (size_t i = 0; i != Most && counters[i].mnemonic[0] != 0; ++i)
    fprintf(file, "%llu %s\n", (unsigned long long)counters[i].executed,
            counters[i].mnemonic);
  fclose(file);
}

int qemu_plugin_install(PluginId id, const void *info, int count,
                        char **arguments) {
  (void)info;
  for (int i = 0; i != count; ++i)
    if (strncmp(arguments[i], "out=", 4) == 0)
      snprintf(path, sizeof(path), "%s", arguments[i] + 4);
  if (path[0] == 0)
    return 1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, finished, NULL);
  return 0;
}
