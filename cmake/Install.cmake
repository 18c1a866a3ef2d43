# install(): libraries, headers, program, documents, pkg-config and CMake package files. The manual: cmake/Man.cmake.
include(CMakePackageConfigHelpers)

install(TARGETS capalloc_shared EXPORT capallocTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
if(TARGET capalloc_tools)
    install(TARGETS capalloc_tools EXPORT capallocTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/capalloc/tools COMPONENT development)
endif()
install(TARGETS capalloc_static EXPORT capallocTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(TARGETS capalloc_conformance EXPORT capallocTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
if(TARGET capalloc_preload)
    install(TARGETS capalloc_preload capalloc_preload_revoke capalloc_preload_harden
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime)
endif()
if(TARGET capalloc_program)
    install(TARGETS capalloc_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/tools/gdb/capalloc.py DESTINATION ${CMAKE_INSTALL_DATADIR}/capalloc/gdb
    COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/capalloc DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
    FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
# What the headers, the manual and the program cite, by the paths that they use.
# And what these link to.
file(GLOB documents RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/*.md ${PROJECT_SOURCE_DIR}/src/*/README.md
    ${PROJECT_SOURCE_DIR}/bench/README.md ${PROJECT_SOURCE_DIR}/bindings/rust/*/README.md)
foreach(document LICENSE ${documents})
    cmake_path(GET document PARENT_PATH folder)
    install(FILES ${PROJECT_SOURCE_DIR}/${document} DESTINATION ${CMAKE_INSTALL_DOCDIR}/${folder} COMPONENT development)
endforeach()
foreach(folder docs examples)
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)
endforeach()
install(EXPORT capallocTargets NAMESPACE capalloc:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/capalloc
    COMPONENT development)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/capallocConfig.cmake.in
    ${PROJECT_BINARY_DIR}/capallocConfig.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/capalloc)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/capallocConfigVersion.cmake COMPATIBILITY SameMinorVersion)
# Relative to the file itself, so that an installed tree can be moved; unless somebody says where, once and for all.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(capalloc_pc_prefix ${CMAKE_INSTALL_PREFIX})
    set(capalloc_pc_libdir ${CMAKE_INSTALL_FULL_LIBDIR})
    set(capalloc_pc_includedir ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
    file(RELATIVE_PATH capalloc_pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
    string(REGEX REPLACE "/$" "" capalloc_pc_prefix "\${pcfiledir}/${capalloc_pc_prefix}")
    set(capalloc_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
    set(capalloc_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/capalloc.pc.in ${PROJECT_BINARY_DIR}/capalloc.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/capallocConfig.cmake ${PROJECT_BINARY_DIR}/capallocConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/capalloc COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/capalloc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
