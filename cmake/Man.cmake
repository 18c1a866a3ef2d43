# The manual: pages of section 3 from the comments of the public headers, capalloc(1) and the completions of the shells from
# the program's help text. Needs
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
    set(man_help ${man_dir}/help)
    set(man_commands COMMAND capalloc_program help > ${man_dir}/help)
    foreach(topic run doctor top stats map settings json)
        list(APPEND man_help ${man_dir}/help-${topic})
        list(APPEND man_commands COMMAND capalloc_program help ${topic} > ${man_dir}/help-${topic})
    endforeach()
    add_custom_command(OUTPUT ${man_help}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${man_dir}
        ${man_commands}
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

if(CAPALLOC_INSTALL)
    install(DIRECTORY ${man_dir}/man3 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT development)
endif()
if(man_help)
    # The completions of the shells, from the same texts, where each shell looks for them.
    set(completion_dir ${PROJECT_BINARY_DIR}/completion)
    set(completions ${completion_dir}/capalloc ${completion_dir}/_capalloc ${completion_dir}/capalloc.fish)
    add_custom_command(OUTPUT ${completions}
        COMMAND Python3::Interpreter -B ${PROJECT_SOURCE_DIR}/tools/completion --output ${completion_dir}
            --help-text ${man_help}
        DEPENDS ${man_help} ${PROJECT_SOURCE_DIR}/tools/completion)
    add_custom_target(capalloc_completion ALL DEPENDS ${completions})
    add_dependencies(product capalloc_completion)
    if(NOT CAPALLOC_INSTALL)
        return()
    endif()
    install(DIRECTORY ${man_dir}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT runtime)
    foreach(pair capalloc=bash-completion/completions _capalloc=zsh/site-functions capalloc.fish=fish/vendor_completions.d)
        string(REPLACE "=" ";" pair ${pair})
        list(GET pair 0 file)
        list(GET pair 1 folder)
        install(FILES ${completion_dir}/${file} DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder} COMPONENT runtime)
    endforeach()
endif()
