# Cross-build for AArch64 Linux; the tests then run under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
find_program(CAPALLOC_CROSS_CXX aarch64-linux-gnu-g++)
# Without a C++ compiler for the target there are no C++ tests; the host's must not take its place.
set(CMAKE_CXX_COMPILER ${CAPALLOC_CROSS_CXX})
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)

# The libraries for the target, unpacked there by tools/cross-deps: cmocka, json-c.
cmake_path(SET cross_root NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../build/cross-root)
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu ${cross_root})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${cross_root}/usr/lib/aarch64-linux-gnu/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${cross_root})
if(EXISTS ${cross_root}/.complete)
    set(CMOCKA_INCLUDE ${cross_root}/usr/include)
    set(CMOCKA_LIBRARY ${cross_root}/usr/lib/aarch64-linux-gnu/libcmocka.so)
endif()
