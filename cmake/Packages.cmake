# SPDX-License-Identifier: Apache-2.0
# What `cpack` makes of the installed files: a Debian package, a tarball. `make package` runs it.
set(CPACK_PACKAGE_NAME prognos)
set(CPACK_PACKAGE_VENDOR "The Prognos authors")
set(CPACK_PACKAGE_CONTACT "The Prognos authors <prognos@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "operation profiler for any host: library, headers, command")
set(CPACK_PACKAGE_DESCRIPTION
  "Prognos tells what the operations of a program cost: wall time, CPU time, memory,
input and output, failures and call stacks, and predicts leaks, crashes, durations and
load. This package has the library libprognos.so.1, the headers for C and C++, the
files for pkg-config and CMake, and the command prognos.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES OFF) # they are, by a tool that keeps the segments of lld's files
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PACKAGE_CHECKSUM SHA256)
set(CPACK_GENERATOR "TGZ;DEB")

# The tarball is unpacked anywhere: its files find each other.
string(TOLOWER "${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR}" system)
set(CPACK_PACKAGE_FILE_NAME prognos-${PROJECT_VERSION}-${system})

# Depends comes from what the files need (dpkg-shlibdeps): libc6 and, for the command, libgcc-s1 and libstdc++6.
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${library_dir})
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
include(CPack)
