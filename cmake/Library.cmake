# The library's objects, and the three forms made of them.
#   capalloc_engine  every layer, with ca_ names only
#   capalloc_plain   family.c of the malloc room once more under the plain names malloc, free, ..., and the preload room:
#                    operator new and delete, the GNU extras, the token entry points, the channel to `capalloc run`, the
#                    audit at exit
#   conformance      the suite for allocators, libcapalloc-conformance.a
#   libcapalloc.so, libcapalloc.a = engine;   libcapalloc-preload.so = engine + plain
#   libcapalloc.so in the folder tools = engine once more, for memcheck and AddressSanitizer (base/tools.h)
#   libcapalloc-preload-revoke.so, libcapalloc-preload-harden.so = both once more, compiled for a mode (core/mode.h)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
set(source_dir ${PROJECT_SOURCE_DIR}/src)
# In the order of their code in the library: the kernel reads 64 KiB of it around each page that is run, so what every
# program runs stands together, and what few do, behind it.
set(engine_sources "")
foreach(room base os core pages blocks heaps)
    file(GLOB sources CONFIGURE_DEPENDS ${source_dir}/${room}/*.c)
    list(APPEND engine_sources ${sources})
endforeach()
set(seldom_sources "")
foreach(file heaps/account heaps/owned heaps/sample heaps/guarded heaps/allocate_for heaps/authority heaps/bias heaps/charge
        heaps/guarded_report heaps/reap heaps/repair pages/repair blocks/rebuild heaps/site heaps/stats heaps/tree heaps/words)
    list(APPEND seldom_sources ${source_dir}/${file}.c)
endforeach()
list(REMOVE_ITEM engine_sources ${seldom_sources})
foreach(room stack cap api kit)
    file(GLOB sources CONFIGURE_DEPENDS ${source_dir}/${room}/*.c)
    list(APPEND seldom_sources ${sources})
endforeach()
# What only a library of that mode has.
file(GLOB revoke_sources CONFIGURE_DEPENDS ${source_dir}/revoke/*.c)
list(APPEND revoke_sources ${source_dir}/blocks/stale.c ${source_dir}/heaps/age.c ${source_dir}/heaps/look.c ${source_dir}/heaps/quarantine.c
    ${source_dir}/os/inspect.c)
list(REMOVE_ITEM engine_sources ${revoke_sources})
file(GLOB harden_sources CONFIGURE_DEPENDS ${source_dir}/harden/*.c)
list(APPEND harden_sources ${revoke_sources} ${source_dir}/blocks/fence.c ${source_dir}/blocks/order.c ${source_dir}/blocks/wall.c ${source_dir}/heaps/hardened.c ${source_dir}/heaps/hardened_fast.c
    ${source_dir}/heaps/nothing.c ${source_dir}/heaps/tag_report.c ${source_dir}/heaps/told.c)
list(REMOVE_ITEM engine_sources ${harden_sources})
set(tools_sources ${source_dir}/base/tools.c)
list(REMOVE_ITEM engine_sources ${tools_sources})
file(GLOB malloc_sources CONFIGURE_DEPENDS ${source_dir}/malloc/*.c)
file(GLOB preload_sources CONFIGURE_DEPENDS ${source_dir}/preload/*.c)
# The copies that are checked, of the hardened library alone: it may be called before it is relocated, and none of its loops
# may become a call of the function that it is in.
set(plain_harden_sources ${source_dir}/preload/abort.c ${source_dir}/preload/copies.c)
# The calls that begin anew after a sweep, of the library that sweeps.
set(plain_revoke_sources ${source_dir}/preload/resumed.c ${source_dir}/preload/resumed_for_long.c)
list(REMOVE_ITEM preload_sources ${plain_harden_sources} ${plain_revoke_sources})
set(plain_sources ${source_dir}/malloc/family.c ${preload_sources})
set_source_files_properties(${malloc_sources} ${preload_sources} PROPERTIES COMPILE_OPTIONS "${CAPALLOC_MALLOC_OPTIONS}")
set_source_files_properties(${plain_harden_sources} PROPERTIES
    COMPILE_OPTIONS "-ffreestanding;-fno-builtin;-fno-stack-protector;-U_FORTIFY_SOURCE;${CAPALLOC_NO_LOOP_CALLS}")

list(PREPEND engine_sources ${malloc_sources})
list(APPEND engine_sources ${seldom_sources})
add_library(capalloc_engine OBJECT ${engine_sources})
target_link_libraries(capalloc_engine PRIVATE capalloc_engine_flags)

# A source that knows of no mode, by whatever it includes, is the same in each: the libraries of the modes have the object of
# the standard one. core/mode.h cannot be included in such a source, so that none is taken for one that has become another.
function(capalloc_knows_mode result file)
    get_property(knows GLOBAL PROPERTY "capalloc_knows_mode ${file}")
    if("${knows}" STREQUAL "")
        set(knows OFF)
        file(STRINGS ${file} includes REGEX "^#include \"")
        foreach(include IN LISTS includes)
            string(REGEX REPLACE "^#include \"(.*)\".*" "${source_dir}/\\1" header "${include}")
            if(header STREQUAL ${source_dir}/core/mode.h)
                set(knows ON)
            elseif(EXISTS ${header})
                capalloc_knows_mode(header_knows ${header})
                if(header_knows)
                    set(knows ON)
                endif()
            endif()
        endforeach()
        set_property(GLOBAL PROPERTY "capalloc_knows_mode ${file}" ${knows})
    endif()
    set(${result} ${knows} PARENT_SCOPE)
endfunction()

# The hardened library's copies are its own (preload/copies.c): it shares nothing with one that is compiled to check them.
include(CheckCSourceCompiles)
set(CMAKE_REQUIRED_FLAGS -O2)
check_c_source_compiles("#ifdef _FORTIFY_SOURCE\n#error\n#endif\nint main(void) { return 0; }" CAPALLOC_COPIES_ARE_PLAIN)
unset(CMAKE_REQUIRED_FLAGS)

# Those of capalloc_MODE_objects stand in the order of the sources.
foreach(mode revoke harden tools)
    string(TOUPPER CAI_MODE_${mode} definition)
    set(own_sources "")
    set(capalloc_${mode}_objects "")
    foreach(source IN LISTS engine_sources ${mode}_sources)
        set(own TRUE)
        if(source IN_LIST engine_sources AND (mode STREQUAL revoke OR (mode STREQUAL harden AND CAPALLOC_COPIES_ARE_PLAIN)))
            capalloc_knows_mode(own ${source})
        endif()
        set(objects capalloc_engine)
        if(own)
            list(APPEND own_sources ${source})
            set(objects capalloc_engine_${mode})
        else()
            set_source_files_properties(${source} PROPERTIES COMPILE_DEFINITIONS CAI_MODE_UNKNOWN=1)
        endif()
        cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${source_dir} OUTPUT_VARIABLE name)
        string(REPLACE "." "[.]" name ${name})
        list(APPEND capalloc_${mode}_objects $<FILTER:$<TARGET_OBJECTS:${objects}>,INCLUDE,/${name}>)
    endforeach()
    add_library(capalloc_engine_${mode} OBJECT ${own_sources})
    target_link_libraries(capalloc_engine_${mode} PRIVATE capalloc_engine_flags)
    target_compile_definitions(capalloc_engine_${mode} PUBLIC ${definition}=1)
    set_target_properties(capalloc_engine_${mode} PROPERTIES EXCLUDE_FROM_ALL ON) # built for what is made of it
endforeach()

# Until 1.0 a minor version may change the interface, so it is part of the soname.
set(soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(sections ${PROJECT_SOURCE_DIR}/cmake/sections.ld)
include(CheckLinkerFlag)
check_linker_flag(C "-Wl,-T,${sections}" CAPALLOC_LINKER_PLACES_SECTIONS) # not every linker does; nothing depends on it
# Both shared forms carry one soname: a process that preloads one and links the other gets a single engine.
function(capalloc_shared_form target map)
    target_link_libraries(${target} PRIVATE capalloc_flags)
    target_link_options(${target} PRIVATE
        -Wl,-z,nodelete   # threads and exit handlers hold addresses inside: never unload
        -Wl,--sort-section=alignment # small variables together, behind the tables: a start touches half as many pages
        -Wl,-z,relro -Wl,-z,now)
    if(CAPALLOC_LINKER_PLACES_SECTIONS)
        target_link_options(${target} PRIVATE -Wl,-T,${sections})
        set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${sections})
    endif()
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
capalloc_shared_form(capalloc_shared ${source_dir}/malloc/capalloc.map)
set_target_properties(capalloc_shared PROPERTIES OUTPUT_NAME capalloc VERSION ${PROJECT_VERSION} SOVERSION ${soversion})

# For programs that are looked at by memcheck or built with AddressSanitizer: under the same name in a folder of its own, so
# that the programs need not be linked anew.
if(CAPALLOC_TOOLS)
    add_library(capalloc_tools SHARED $<TARGET_OBJECTS:capalloc_engine_tools>)
    capalloc_shared_form(capalloc_tools ${source_dir}/malloc/capalloc.map)
    set_target_properties(capalloc_tools PROPERTIES OUTPUT_NAME capalloc VERSION ${PROJECT_VERSION} SOVERSION ${soversion}
        LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tools)
    # What calls what is inlined: the stacks that are shown have few frames of ours.
    target_compile_options(capalloc_engine_tools PRIVATE -g -O2)
    target_include_directories(capalloc_tools PUBLIC
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    set_target_properties(capalloc_tools PROPERTIES EXPORT_NAME tools)
    add_library(capalloc::tools ALIAS capalloc_tools)
endif()

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

# For users' own allocators: the suite that the library's own must pass, without cmocka. Of a project that has this one inside it
# is built when something links it.
set(conformance_dir ${PROJECT_SOURCE_DIR}/tests/conformance)
add_library(capalloc_conformance STATIC
    ${conformance_dir}/suite.c ${conformance_dir}/allocation.c ${conformance_dir}/resizing.c
    ${conformance_dir}/intentions.c ${conformance_dir}/random.c)
target_link_libraries(capalloc_conformance PRIVATE $<BUILD_INTERFACE:capalloc_flags> INTERFACE Threads::Threads)
target_include_directories(capalloc_conformance PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(capalloc_conformance PROPERTIES OUTPUT_NAME capalloc-conformance EXPORT_NAME conformance)
if(NOT CAPALLOC_INSTALL)
    set_target_properties(capalloc_conformance PROPERTIES EXCLUDE_FROM_ALL ON)
endif()
add_library(capalloc::conformance ALIAS capalloc_conformance)

if(CAPALLOC_PRELOAD AND plain_sources)
    add_library(capalloc_plain OBJECT ${plain_sources})
    target_link_libraries(capalloc_plain PRIVATE capalloc_engine_flags)
    target_compile_definitions(capalloc_plain PRIVATE CAI_PLAIN_NAMES=1)

    # The family stands beside what it calls.
    set(plain_objects $<TARGET_OBJECTS:capalloc_plain>)
    add_library(capalloc_preload SHARED $<FILTER:${plain_objects},INCLUDE,family> $<TARGET_OBJECTS:capalloc_engine>
        $<FILTER:${plain_objects},EXCLUDE,family>)
    capalloc_shared_form(capalloc_preload ${source_dir}/preload/preload.map)
    target_link_options(capalloc_preload PRIVATE -Wl,-soname,libcapalloc.so.${soversion})
    set_target_properties(capalloc_preload PROPERTIES OUTPUT_NAME capalloc-preload NO_SONAME ON)

    foreach(mode revoke harden)
        string(TOUPPER CAI_MODE_${mode} definition)
        add_library(capalloc_plain_${mode} OBJECT ${plain_sources} ${plain_${mode}_sources})
        target_link_libraries(capalloc_plain_${mode} PRIVATE capalloc_engine_flags)
        target_compile_definitions(capalloc_plain_${mode} PRIVATE CAI_PLAIN_NAMES=1 ${definition}=1)
        add_library(capalloc_preload_${mode} SHARED ${capalloc_${mode}_objects} $<TARGET_OBJECTS:capalloc_plain_${mode}>)
        capalloc_shared_form(capalloc_preload_${mode} ${source_dir}/preload/preload.map)
        target_link_options(capalloc_preload_${mode} PRIVATE -Wl,-soname,libcapalloc.so.${soversion})
        set_target_properties(capalloc_preload_${mode} PROPERTIES OUTPUT_NAME capalloc-preload-${mode} NO_SONAME ON)
    endforeach()
    # The library's own copies are not looked at (preload/copies.c).
    target_compile_options(capalloc_engine_harden PRIVATE -U_FORTIFY_SOURCE)
    target_compile_options(capalloc_plain_harden PRIVATE -U_FORTIFY_SOURCE)
    target_link_options(capalloc_preload_harden PRIVATE -Wl,--wrap=memcpy,--wrap=memmove,--wrap=memset)
endif()
