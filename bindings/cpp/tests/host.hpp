/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of prognos.hpp share: the checks of the C tests. */
#ifndef PROGNOS_CPP_TESTS_HOST_HPP
#define PROGNOS_CPP_TESTS_HOST_HPP

#include <prognos.hpp>

#include "../../../Tests/c/host.h"

#endif /* PROGNOS_CPP_TESTS_HOST_HPP */
