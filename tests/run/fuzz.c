/* For libFuzzer: the first byte says who reads, the rest is what (outside.h). Built with clang as `run_fuzz`;
 *     build/clang/tests/run/test_run_outside --seeds FOLDER; build/clang/tests/run/run_fuzz FOLDER
 * goes on until it finds something. */
#include "outside.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > 0)
        outside_read((enum outside)(bytes[0] % OUTSIDE_KINDS), bytes + 1, size - 1);
    return 0;
}
