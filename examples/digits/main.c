// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Classifies an 8x8 image with the compiled network. The header says all that
// there is to know about it:
//
//   bitnn-compile model.onnx -o model.o
//   cc main.c model.o -o classify && ./classify image.bin
//
// The file has 64 bytes, the grey levels 0 (background) to 16 (ink), row by
// row.

#include "model.h"

#include <stdio.h>

int main(int argc, char **argv) {
  FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  unsigned char grey[MODEL_IMAGE_SIZE];
  if (file == NULL || fread(grey, 1, sizeof(grey), file) != sizeof(grey)) {
    fprintf(stderr, "usage: classify IMAGE (a file of %zu bytes)\n",
            sizeof(grey));
    return 1;
  }
  fclose(file);

  // The network was trained on levels from 0 to 1.
  uint8_t image[MODEL_IMAGE_SIZE];
  for (int i = 0; i < MODEL_IMAGE_SIZE; ++i)
    image[i] = (uint8_t)(grey[i] / 16.0f / MODEL_IMAGE_SCALE + 0.5f) +
               MODEL_IMAGE_ZERO_POINT;

  uint8_t scores[MODEL_SCORES_SIZE];
  static _Alignas(MODEL_SCRATCH_ALIGNMENT) char scratch[MODEL_SCRATCH_BYTES];
  model_run(image, scores, scratch);

  int best = 0;
  for (int i = 0; i < MODEL_SCORES_SIZE; ++i) {
    printf("%d: %6.2f\n", i,
           (scores[i] - MODEL_SCORES_ZERO_POINT) * MODEL_SCORES_SCALE);
    if (scores[i] > scores[best])
      best = i;
  }
  printf("the image shows a %d\n", best);
  return 0;
}
