# Flags, each with its reason. Two interface targets:
#   capalloc_flags   language, warnings, sanitizers: for everything in this repository
#   capalloc_engine_flags   in addition, what the library's own objects need

add_library(capalloc_flags INTERFACE)
target_compile_features(capalloc_flags INTERFACE c_std_17)
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_EXTENSIONS ON)

target_compile_definitions(capalloc_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE=>)
target_compile_options(capalloc_flags INTERFACE
    -pthread
    -Wall -Wextra -Wshadow -Wpointer-arith -Wundef -Wvla
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
# valgrind 3.19 does not read the debug information that clang writes by default.
target_compile_options(capalloc_flags INTERFACE $<$<OR:$<C_COMPILER_ID:Clang>,$<CXX_COMPILER_ID:Clang>>:-gdwarf-4>)
target_link_options(capalloc_flags INTERFACE -pthread)
if(CAPALLOC_WERROR)
    target_compile_options(capalloc_flags INTERFACE -Werror)
endif()
if(CAPALLOC_DEBUG)
    target_compile_definitions(capalloc_flags INTERFACE CAI_DEBUG=1)
    target_compile_options(capalloc_flags INTERFACE -fno-omit-frame-pointer)
endif()
if(CAPALLOC_SANITIZE)
    set(sanitize -fsanitize=${CAPALLOC_SANITIZE} -fno-sanitize-recover=all)
    target_compile_options(capalloc_flags INTERFACE ${sanitize} -fno-omit-frame-pointer)
    target_link_options(capalloc_flags INTERFACE ${sanitize})
    if(CAPALLOC_SANITIZE MATCHES thread AND CMAKE_C_COMPILER_ID STREQUAL GNU)
        # gcc warns that its thread sanitizer does not model fences; the ones in use pair with atomics that it sees.
        target_compile_options(capalloc_flags INTERFACE -Wno-tsan)
    endif()
endif()
if(CAPALLOC_COVERAGE)
    target_compile_options(capalloc_flags INTERFACE --coverage -fprofile-update=atomic)
    target_link_options(capalloc_flags INTERFACE --coverage)
endif()

add_library(capalloc_engine_flags INTERFACE)
target_link_libraries(capalloc_engine_flags INTERFACE capalloc_flags)
target_include_directories(capalloc_engine_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_compile_options(capalloc_engine_flags INTERFACE
    -fPIC                            # one set of objects serves the static and the shared forms
    -fvisibility=hidden              # only what is marked CAI_EXPORT leaves the library
    -ftls-model=initial-exec         # no __tls_get_addr on the fast path: it may itself call malloc
    -fno-plt                         # the few calls to libc go straight through the GOT
    -fno-semantic-interposition      # our own calls to exported functions may be inlined
    -fdata-sections                  # so that the linker can put small variables side by side (Library.cmake)
    -falign-functions=64)            # where a fast path lies in its cache line is no matter of chance: up to 8 % of a pair

# A loop that copies or clears stays one.
set(CAPALLOC_NO_LOOP_CALLS $<$<C_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>)

# In the malloc layer the compiler must not know what malloc means: it would turn calloc's body, a malloc and a memset,
# into a call of calloc, and delete the pair of a malloc and a free.
set(CAPALLOC_MALLOC_OPTIONS -fexceptions)
foreach(name malloc calloc realloc reallocarray free free_sized free_aligned_sized cfree aligned_alloc posix_memalign
        memalign valloc pvalloc malloc_usable_size)
    list(APPEND CAPALLOC_MALLOC_OPTIONS -fno-builtin-${name})
endforeach()
