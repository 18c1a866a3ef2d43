# The library's objects, and the three forms made of them.
#   capalloc_engine  every layer, with ca_ names only
#   capalloc_plain   family.c of the malloc layer once more under the plain names malloc, free, ..., and what only the
#                    drop-in has: operator new and delete, the GNU extras, the token entry points, the channel to
#                    `capalloc run`, the audit at exit
#   libcapalloc.so, libcapalloc.a = engine;   libcapalloc-preload.so = engine + plain

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
set(malloc_dir ${PROJECT_SOURCE_DIR}/src/malloc)
file(GLOB engine_sources CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/src/base/*.c ${PROJECT_SOURCE_DIR}/src/os/*.c ${PROJECT_SOURCE_DIR}/src/core/*.c
    ${PROJECT_SOURCE_DIR}/src/cap/*.c ${PROJECT_SOURCE_DIR}/src/estate/*.c ${PROJECT_SOURCE_DIR}/src/heap/*.c
    ${PROJECT_SOURCE_DIR}/src/api/*.c ${PROJECT_SOURCE_DIR}/src/kit/*.c)
file(GLOB malloc_sources CONFIGURE_DEPENDS ${malloc_dir}/*.c)
set(drop_in_only audit_exit.c channel.c cxx.c gnu.c tokens.c)
list(TRANSFORM drop_in_only PREPEND ${malloc_dir}/ OUTPUT_VARIABLE drop_in_sources)
list(REMOVE_ITEM malloc_sources ${drop_in_sources})
set(plain_sources "")
foreach(name family.c ${drop_in_only})
    if(EXISTS ${malloc_dir}/${name})
        list(APPEND plain_sources ${malloc_dir}/${name})
    endif()
endforeach()
set_source_files_properties(${malloc_sources} ${plain_sources} PROPERTIES COMPILE_OPTIONS "${CAPALLOC_MALLOC_OPTIONS}")

add_library(capalloc_engine OBJECT ${engine_sources} ${malloc_sources})
target_link_libraries(capalloc_engine PRIVATE capalloc_engine_flags)

# Both shared forms carry one soname: a process that preloads one and links the other gets a single engine.
function(capalloc_shared_form target map)
    target_link_libraries(${target} PRIVATE capalloc_flags)
    target_link_options(${target} PRIVATE
        -Wl,-z,nodelete   # threads and exit handlers hold addresses inside: never unload
        -Wl,-z,relro -Wl,-z,now)
    if(NOT CAPALLOC_SANITIZE)
        target_link_options(${target} PRIVATE -Wl,-z,defs)
    endif()
    if(EXISTS ${map})
        target_link_options(${target} PRIVATE -Wl,--version-script=${map})
        set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${map})
    endif()
    set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
endfunction()

add_library(capalloc_shared SHARED $<TARGET_OBJECTS:capalloc_engine>)
capalloc_shared_form(capalloc_shared ${malloc_dir}/capalloc.map)
set_target_properties(capalloc_shared PROPERTIES OUTPUT_NAME capalloc VERSION ${PROJECT_VERSION} SOVERSION 0)

add_library(capalloc_static STATIC $<TARGET_OBJECTS:capalloc_engine>)
set_target_properties(capalloc_static PROPERTIES OUTPUT_NAME capalloc LINKER_LANGUAGE C)
# Inside this build, what links the archive also links with the same sanitizer; elsewhere, with threads only.
target_link_libraries(capalloc_static PRIVATE $<BUILD_INTERFACE:capalloc_flags> INTERFACE Threads::Threads)

foreach(form shared static)
    target_include_directories(capalloc_${form} PUBLIC
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
set_target_properties(capalloc_shared PROPERTIES EXPORT_NAME capalloc)
set_target_properties(capalloc_static PROPERTIES EXPORT_NAME static)
add_library(capalloc::capalloc ALIAS capalloc_shared)
add_library(capalloc::static ALIAS capalloc_static)

if(CAPALLOC_PRELOAD AND plain_sources)
    add_library(capalloc_plain OBJECT ${plain_sources})
    target_link_libraries(capalloc_plain PRIVATE capalloc_engine_flags)
    target_compile_definitions(capalloc_plain PRIVATE CAI_PLAIN_NAMES=1)

    add_library(capalloc_preload SHARED $<TARGET_OBJECTS:capalloc_engine> $<TARGET_OBJECTS:capalloc_plain>)
    capalloc_shared_form(capalloc_preload ${malloc_dir}/preload.map)
    target_link_options(capalloc_preload PRIVATE -Wl,-soname,libcapalloc.so.0)
    set_target_properties(capalloc_preload PROPERTIES OUTPUT_NAME capalloc-preload NO_SONAME ON)
endif()
