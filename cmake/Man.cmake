# The manual: pages of section 3 from the comments of the public headers, capalloc(1) from the program's help text. Needs
# Python and nothing else; without it, everything is built but the manual. The program must be one that runs here: a
# cross-build has section 3 only.
find_package(Python3 COMPONENTS Interpreter)
if(NOT Python3_FOUND)
    message(STATUS "no python3: the manual is left out")
    return()
endif()

set(man_dir ${PROJECT_BINARY_DIR}/man)
file(GLOB man_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/capalloc/*.h
    ${PROJECT_SOURCE_DIR}/include/capalloc/*.hpp ${PROJECT_SOURCE_DIR}/tools/manual/*.py)
set(man_help "")
if(TARGET capalloc_program AND NOT CMAKE_CROSSCOMPILING)
    set(man_help ${man_dir}/help ${man_dir}/help-run ${man_dir}/help-doctor)
    add_custom_command(OUTPUT ${man_help}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${man_dir}
        COMMAND capalloc_program help > ${man_dir}/help
        COMMAND capalloc_program help run > ${man_dir}/help-run
        COMMAND capalloc_program help doctor > ${man_dir}/help-doctor
        DEPENDS capalloc_program)
endif()
add_custom_command(OUTPUT ${man_dir}/stamp
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${man_dir}/man1 ${man_dir}/man3
    COMMAND Python3::Interpreter -B ${PROJECT_SOURCE_DIR}/tools/man --output ${man_dir}
        --version ${PROJECT_VERSION} --help-text ${man_help}
    COMMAND ${CMAKE_COMMAND} -E touch ${man_dir}/stamp
    DEPENDS ${man_sources} ${man_help} ${PROJECT_SOURCE_DIR}/tools/man)
add_custom_target(capalloc_man ALL DEPENDS ${man_dir}/stamp)
add_dependencies(product capalloc_man)

install(DIRECTORY ${man_dir}/man3 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT development)
if(man_help)
    install(DIRECTORY ${man_dir}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT runtime)
endif()
