# CPack runs this when the files of each package are laid out, before they are packed: it adds what Debian's policy
# asks for and an ordinary `cmake --install` has no use for.
foreach(component ${CPACK_COMPONENTS_ALL})
  set(usr ${CPACK_TEMPORARY_DIRECTORY}/${component}${CPACK_PACKAGING_INSTALL_PREFIX})
  string(TOUPPER ${component} upper)
  set(doc ${usr}/share/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  file(COPY ${CPACK_COMPACTOR_COPYRIGHT} ${CPACK_COMPACTOR_CHANGELOG} DESTINATION ${doc} NO_SOURCE_PERMISSIONS)
  file(GLOB pages ${usr}/share/man/man*/*)
  # -n: no time stamps, so that the same sources make the same package.
  execute_process(COMMAND gzip -9 -n ${doc}/changelog ${pages} COMMAND_ERROR_IS_FATAL ANY)
endforeach()

# Only the package with the shared library has something to override.
set(usr ${CPACK_TEMPORARY_DIRECTORY}/runtime${CPACK_PACKAGING_INSTALL_PREFIX})
configure_file(${CPACK_COMPACTOR_OVERRIDES}
  ${usr}/share/lintian/overrides/${CPACK_DEBIAN_RUNTIME_PACKAGE_NAME} COPYONLY)

# CPack strips what runs, not what is linked.
file(GLOB archives ${CPACK_TEMPORARY_DIRECTORY}/development${CPACK_PACKAGING_INSTALL_PREFIX}/lib/*/*.a)
execute_process(COMMAND strip --strip-debug --enable-deterministic-archives ${archives} COMMAND_ERROR_IS_FATAL ANY)
