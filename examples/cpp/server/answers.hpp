/* SPDX-License-Identifier: Apache-2.0 */
/* What the server answers: each route is an operation, each request a span of it. */
#pragma once

#include "task.hpp"
#include "workers.hpp"

#include <map>
#include <string>
#include <string_view>

struct request {
    std::string path;
    std::string user;
};

struct response {
    int status = 500;
    std::string body;
};

/* Answers one request. The operation is that of its route. */
task<response> answer(prognos::operation route, workers &pool, request asked);

/* The route that a path belongs to. */
prognos::operation route_of(std::string_view path);

/* The routes' names, as the profile shows them. */
inline const prognos::operation words("GET /words/{file}"), top("GET /top/{file}"),
    later("GET /later/{ms}"), other("other");
