/* Lua: a state in a heap of its own, with a quota, ended by one call. And a promise that looks true and is not.
 *
 * lua_Alloc is told the old size of every block, so that the heap's own form fits as it is. It is also told what a
 * new block is for. A string has no pointers in it, one would think; but the header of Lua's strings, in the same
 * block, links them for the collector and the table of short strings. The audit shows it. Without a change to Lua,
 * bytes can lie in nocaps memory where the header does not lie beside them: a userdata that owns them.
 */
#include "hooks.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <string.h>

enum { MIB = 1 << 20 };

struct memory {
    ca_authority heap;
    bool strings_in_nocaps;
};

static void give_back(void *address, size_t size)
{
    if (address == NULL)
        return;
    if (ca_check((ca_nocaps){address, size}) == CA_OK)
        ca_deallocate((ca_nocaps){address, size});
    else
        ca_deallocate((ca_block){address, size});
}

static void *allocate(struct memory *memory, size_t size, bool nocaps)
{
    ca_layout layout = {size, 16};
    return nocaps ? ca_allocate_nocaps(memory->heap, layout).ptr : ca_allocate(memory->heap, layout).ptr;
}

/* Lua's only hook. Without an address old_size is the kind of the new block. */
static void *lua_memory(void *data, void *address, size_t old_size, size_t size)
{
    struct memory *memory = data;
    if (size == 0) {
        give_back(address, old_size);
        return NULL;
    }
    if (address == NULL)
        return allocate(memory, size, memory->strings_in_nocaps && old_size == LUA_TSTRING);
    ca_layout layout = {size, 16};
    ca_block block = {address, old_size};
    if (ca_check(block) == CA_OK) {
        ca_block_result result = size >= old_size ? ca_grow(memory->heap, block, layout) : ca_shrink(block, layout);
        return result.ptr;
    }
    ca_nocaps text = {address, old_size};
    ca_nocaps_result result = size >= old_size ? ca_grow(memory->heap, text, layout) : ca_shrink(text, layout);
    return result.ptr;
}

/* --- bytes(n): a userdata whose content lies in nocaps memory --- */

static int bytes_gone(lua_State *lua)
{
    ca_nocaps *content = luaL_checkudata(lua, 1, "bytes");
    give_back(content->ptr, content->size);
    *content = (ca_nocaps){NULL, 0};
    return 0;
}

static int bytes_new(lua_State *lua)
{
    lua_Integer size = luaL_checkinteger(lua, 1);
    luaL_argcheck(lua, size > 0, 1, "not a size");
    ca_nocaps *content = lua_newuserdatauv(lua, sizeof *content, 0);
    struct memory *memory;
    lua_getallocf(lua, (void **)&memory);
    ca_nocaps_result result = ca_allocate_nocaps_zeroed(memory->heap, (ca_layout){(size_t)size, 16});
    if (!ca_is_ok(result))
        return luaL_error(lua, "%s", ca_error_string(ca_error_of(result)));
    *content = ca_unwrap(result);
    luaL_setmetatable(lua, "bytes");
    return 1;
}

static int bytes_set(lua_State *lua)
{
    ca_nocaps *content = luaL_checkudata(lua, 1, "bytes");
    lua_Integer at = luaL_checkinteger(lua, 2);
    luaL_argcheck(lua, at >= 1 && (size_t)at <= content->size, 2, "no such byte");
    ((unsigned char *)content->ptr)[at - 1] = (unsigned char)luaL_checkinteger(lua, 3);
    return 0;
}

static int bytes_get(lua_State *lua)
{
    ca_nocaps *content = luaL_checkudata(lua, 1, "bytes");
    lua_Integer at = luaL_checkinteger(lua, 2);
    luaL_argcheck(lua, at >= 1 && (size_t)at <= content->size, 2, "no such byte");
    lua_pushinteger(lua, ((unsigned char *)content->ptr)[at - 1]);
    return 1;
}

static lua_State *new_state(struct memory *memory)
{
    lua_State *lua = lua_newstate(lua_memory, memory);
    MUST(lua != NULL);
    luaL_openlibs(lua);
    luaL_newmetatable(lua, "bytes");
    lua_pushcfunction(lua, bytes_gone);
    lua_setfield(lua, -2, "__gc");
    lua_pushcfunction(lua, bytes_get);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, bytes_set);
    lua_setfield(lua, -2, "__newindex");
    lua_pop(lua, 1);
    lua_register(lua, "bytes", bytes_new);
    return lua;
}

static void run(lua_State *lua, const char *script)
{
    if (luaL_dostring(lua, script) != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(lua, -1));
        exit(1);
    }
}

static const char *const work =
    "words = {} for i = 1, 30000 do words[i] = ('word %d'):format(i) end\n"
    "local count = {} for _, w in ipairs(words) do local k = w:sub(1, 7) count[k] = (count[k] or 0) + 1 end\n"
    "long = {} for i = 1, 200 do long[i] = ('x'):rep(100 + i) end\n"
    "assert(count['word 12'] == 1111)\n";

static void ended_at_once(void)
{
    struct memory memory = {.heap = heap_with_quota(64 * MIB, "lua")};
    double begin = milliseconds();
    run(new_state(&memory), work);
    double worked = milliseconds();
    size_t had = charged(memory.heap);
    MUST(ca_heap_destroy(memory.heap) == CA_OK);
    double destroyed = milliseconds();

    memory.heap = heap_with_quota(64 * MIB, "lua");
    lua_State *lua = new_state(&memory);
    run(lua, work);
    double closing = milliseconds();
    lua_close(lua);
    double closed = milliseconds();
    MUST(charged(memory.heap) == 0);
    MUST(ca_heap_destroy(memory.heap) == CA_OK);
    printf("a state of %zu KiB after %.1f ms of work: destroyed with its heap in %.2f ms, by lua_close in %.2f ms\n",
           had / 1024, worked - begin, destroyed - worked, closed - closing);
}

static void out_of_quota(void)
{
    struct memory memory = {.heap = heap_with_quota(2 * MIB, "small")};
    lua_State *lua = new_state(&memory);
    run(lua, "kept = {} for i = 1, 1000 do kept[i] = tostring(i) end");
    MUST(luaL_loadstring(lua, "local t = {} while true do t[#t + 1] = ('y'):rep(1000) .. #t end") == LUA_OK);
    MUST(lua_pcall(lua, 0, 0, 0) == LUA_ERRMEM);
    MUST(charged(memory.heap) <= 2 * MIB);
    lua_settop(lua, 0);
    run(lua, "collectgarbage() for i = 1, 1000 do assert(kept[i] == tostring(i)) end");
    run(lua, "assert(not pcall(bytes, 4 << 20)) local b = bytes(1000) b[7] = 42 assert(b[7] == 42)");
    lua_close(lua);
    MUST(charged(memory.heap) == 0);
    MUST(ca_heap_destroy(memory.heap) == CA_OK);
    printf("out of quota is LUA_ERRMEM; what there was is there, and the state goes on\n");
}

static bool count_sources(const ca_audit_finding *finding, void *context)
{
    size_t *by_offset = context;
    by_offset[finding->offset < 32 ? finding->offset / 8 : 4]++;
    return true;
}

static void false_promise(void)
{
    struct memory memory = {.heap = heap_with_quota(64 * MIB, "false"), .strings_in_nocaps = true};
    lua_State *lua = new_state(&memory);
    run(lua, work);
    size_t by_offset[5] = {0}, promised = live_in(1), words = ca_audit_nocaps(count_sources, by_offset);
    printf(
        "strings in nocaps memory: %zu KiB promised to hold no pointers, and %zu words do:\n"
        "    %zu in the first word (the collector's list), %zu in the third (the table of short strings), %zu others\n",
        promised / 1024, words, by_offset[0], by_offset[2], words - by_offset[0] - by_offset[2]);
    MUST(words > 30000 && by_offset[0] > 25000 && by_offset[2] > 5000);
    lua_close(lua);
    MUST(charged(memory.heap) == 0);
    MUST(ca_heap_destroy(memory.heap) == CA_OK);
}

static void kept_promise(void)
{
    struct memory memory = {.heap = heap_with_quota(64 * MIB, "true")};
    lua_State *lua = new_state(&memory);
    run(lua, work);
    run(lua, "pictures = {} for i = 1, 20 do local b = bytes(100000) for j = 1, 1000 do b[j] = j & 255 end\n"
             "pictures[i] = b end");
    size_t promised = live_in(1), words = ca_audit_nocaps(NULL, NULL);
    printf("bytes that a userdata owns: %zu KiB promised, and %zu words point\n", promised / 1024, words);
    MUST(promised >= 2000000 && words == 0);
    run(lua, "pictures = nil collectgarbage() collectgarbage()");
    MUST(live_in(1) == 0);
    lua_close(lua);
    MUST(charged(memory.heap) == 0);
    MUST(ca_heap_destroy(memory.heap) == CA_OK);
}

int main(void)
{
    printf("%s\n", LUA_RELEASE);
    ended_at_once();
    out_of_quota();
    false_promise();
    kept_promise();
    return 0;
}
