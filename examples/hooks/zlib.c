/* zlib by its zalloc and zfree: nearly all of its memory holds no pointers, and one rule says which. zlib asks for one
 * item where it wants a structure, and for many where it wants a table: windows, chains of hashes, codes. Tables go to
 * nocaps memory; the audit looks at them while streams are at work.
 */
#include "hooks.h"

#include <string.h>
#include <zlib.h>

enum { MIB = 1 << 20, STREAMS = 20, TEXT = MIB };

/* What the opaque word of a stream leads to. */
struct memory {
    ca_authority heap;
    bool all_in_nocaps; /* the structures, too: a promise too much */
    size_t promised, ordinary;
};

/* zlib gives back an address alone: its usable size is its size where it was asked for as a whole slot. */
static void *allocate(void *opaque, unsigned items, unsigned size)
{
    struct memory *memory = opaque;
    ca_layout layout;
    if (ca_layout_array((ca_layout){size, 1}, items, &layout) != CA_OK)
        return Z_NULL;
    if (items == 1 && !memory->all_in_nocaps) {
        ca_block_result block = ca_allocate_at_least(memory->heap, (ca_layout){layout.size, 16});
        memory->ordinary += layout.size;
        return block.ptr;
    }
    layout.size = (layout.size + 4095) / 4096 * 4096;
    ca_nocaps_result block = ca_allocate_nocaps(memory->heap, (ca_layout){layout.size, 16});
    memory->promised += layout.size;
    return block.ptr;
}

static void give_back(void *opaque, void *address)
{
    (void)opaque;
    size_t size = ca_malloc_usable_size(address);
    if (ca_check((ca_nocaps){address, size}) == CA_OK)
        ca_deallocate((ca_nocaps){address, size});
    else
        ca_deallocate((ca_block){address, size});
}

static unsigned char text[TEXT], packed[TEXT + TEXT / 100 + 1000], again[TEXT];

static void fill(void)
{
    unsigned state = 1;
    for (size_t i = 0; i < TEXT; i++) {
        state = state * 1664525 + 1013904223;
        text[i] = (unsigned char)("the quick brown fox "[i % 20] + (state >> 29 == 0));
    }
}

/* Packs and unpacks; half-way, while both streams are at work, `look` is called. Returns the milliseconds. */
static double work(struct memory *memory, void (*look)(struct memory *))
{
    z_stream in = {.opaque = memory}, out = {.opaque = memory};
    if (memory != NULL) {
        in.zalloc = out.zalloc = allocate;
        in.zfree = out.zfree = give_back;
    }
    double begin = milliseconds();
    MUST(deflateInit(&in, 6) == Z_OK && inflateInit(&out) == Z_OK);
    in.next_in = text;
    in.avail_in = TEXT / 2;
    in.next_out = packed;
    in.avail_out = sizeof packed;
    MUST(deflate(&in, Z_SYNC_FLUSH) == Z_OK);
    out.next_in = packed;
    out.avail_in = (unsigned)in.total_out;
    out.next_out = again;
    out.avail_out = TEXT;
    MUST(inflate(&out, Z_SYNC_FLUSH) == Z_OK);
    double paused = milliseconds();
    if (look != NULL)
        look(memory);
    begin += milliseconds() - paused;
    in.avail_in = TEXT - TEXT / 2;
    MUST(deflate(&in, Z_FINISH) == Z_STREAM_END);
    out.avail_in = (unsigned)(in.total_out - out.total_in);
    MUST(inflate(&out, Z_FINISH) == Z_STREAM_END);
    MUST(out.total_out == TEXT && memcmp(text, again, TEXT) == 0);
    deflateEnd(&in);
    inflateEnd(&out);
    return milliseconds() - begin;
}

static void by_the_rule(struct memory *memory)
{
    size_t words = ca_audit_nocaps(NULL, NULL);
    printf("tables in nocaps: %zu of %zu bytes promised to hold no pointers (%zu %%), and %zu words do\n",
           memory->promised, memory->promised + memory->ordinary,
           memory->promised * 100 / (memory->promised + memory->ordinary), words);
    MUST(words == 0 && memory->promised > 10 * memory->ordinary);
}

static void too_much(struct memory *memory)
{
    size_t words = ca_audit_nocaps(NULL, NULL);
    printf("structures, too: %zu bytes promised, and %zu words point\n", memory->promised, words);
    MUST(words > 5);
}

int main(void)
{
    struct memory memory = {.heap = heap_with_quota(2 * MIB, "zlib")};
    fill();
    printf("zlib %s\n", zlibVersion());
    work(&memory, by_the_rule);
    MUST(charged(memory.heap) == 0);
    struct memory naive = {.heap = memory.heap, .all_in_nocaps = true};
    work(&naive, too_much);
    MUST(charged(memory.heap) == 0);

    double ours = 0, plain = 0;
    for (int i = 0; i < STREAMS / 4; i++) {
        plain += work(NULL, NULL);
        ours += work(&memory, NULL);
    }
    printf("time %.0f ms, zlib by malloc %.0f ms\n", ours, plain);

    /* Out of quota is Z_MEM_ERROR, and what the stream had so far goes back. */
    int streams = 0;
    z_stream stream[STREAMS];
    for (; streams < STREAMS; streams++) {
        stream[streams] = (z_stream){.opaque = &memory, .zalloc = allocate, .zfree = give_back};
        if (deflateInit(&stream[streams], 6) != Z_OK)
            break;
    }
    MUST(streams > 0 && streams < STREAMS);
    for (int i = 0; i < streams; i++)
        deflateEnd(&stream[i]);
    MUST(charged(memory.heap) == 0);
    printf("%d streams fit the quota of 2 MiB; the next was refused, and nothing was lost\n", streams);
    MUST(ca_heap_destroy(memory.heap) == CA_OK);
    return 0;
}
