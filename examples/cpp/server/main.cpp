/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/1.1 server of coroutines on two worker threads, under load of its own clients; Prognos tells what each route, each
 * step and each user cost. A request is a span that goes on on whichever worker is free; the users are sessions.
 *
 *     example_cpp_server                  500 requests by four clients, checked; then the profile
 *     example_cpp_server --port 8080      serves on 127.0.0.1 until it is interrupted; then the profile
 */
#include "answers.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <sys/socket.h>

namespace {

/* The users' sessions, by name; opened when they come first. */
class users {
  public:
    prognos::session &of(const std::string &name) {
        std::lock_guard<std::mutex> one_at_a_time(lock_);
        auto &found = sessions_[name];
        if (!found) found = std::make_unique<prognos::session>(name);
        return *found;
    }
    template <class F> void each(F &&function) {
        for (const auto &[name, session] : sessions_)
            function(name, *session);
    }

  private:
    std::mutex lock_;
    std::map<std::string, std::unique_ptr<prognos::session>> sessions_;
};

/* Receives up to the end of a request's head; "" when the client has gone. */
task<std::string> received(workers &pool, int client) {
    std::string head;
    char buffer[4096];
    while (head.find("\r\n\r\n") == std::string::npos && head.size() < 65536) {
        const ssize_t got = recv(client, buffer, sizeof buffer, MSG_DONTWAIT);
        if (got > 0)
            head.append(buffer, static_cast<std::size_t>(got));
        else if (got < 0 && (errno == EAGAIN || errno == EINTR))
            co_await pool.until(client, EPOLLIN);
        else
            co_return std::string();
    }
    co_return head;
}

task<bool> sent(workers &pool, int client, std::string text) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t put =
            send(client, text.data() + done, text.size() - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put >= 0)
            done += static_cast<std::size_t>(put);
        else if (errno == EAGAIN || errno == EINTR)
            co_await pool.until(client, EPOLLOUT);
        else
            co_return false;
    }
    co_return true;
}

request parsed(const std::string &head) {
    request asked;
    const std::size_t begin = head.find(' ');
    if (begin != std::string::npos)
        asked.path = head.substr(begin + 1, head.find(' ', begin + 1) - begin - 1);
    const std::size_t user = head.find("X-User: ");
    asked.user = user == std::string::npos
                     ? "nobody"
                     : head.substr(user + 8, head.find('\r', user) - user - 8);
    return asked;
}

std::string rendered(const response &made) {
    return "HTTP/1.1 " + std::to_string(made.status) + (made.status == 200 ? " OK" : " Not Found") +
           "\r\nContent-Length: " + std::to_string(made.body.size()) + "\r\n\r\n" + made.body;
}

/* One request: its span begins with the call of answer(), in the user's session. */
task<response> answered(workers &pool, users &known, request asked) {
    const prognos::session &user = known.of(asked.user);
    const auto begin = [&] {
        const auto here = user.enter();
        return answer(route_of(asked.path), pool, asked);
    };
    task<response> under_way = begin();
    try {
        co_return co_await under_way;
    } catch (const std::exception &error) {
        co_return response{404, error.what()};
    }
}

/* One client, as long as it stays. */
job serve(workers &pool, users &known, int client, std::atomic<int> &open) {
    for (;;) {
        const std::string head = co_await received(pool, client);
        if (head.empty()) break;
        const response made = co_await answered(pool, known, parsed(head));
        if (!co_await sent(pool, client, rendered(made))) break;
    }
    close(client);
    --open;
}

job accept_all(workers &pool, users &known, int listener, std::atomic<int> &open,
               std::atomic<bool> &closing) {
    while (!closing) {
        const int client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0) {
            ++open;
            serve(pool, known, client, open);
        } else {
            co_await pool.until(listener, EPOLLIN);
        }
    }
    --open;
}

sockaddr_in local(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* A client that stays connected; gives how many answers were what they should be. */
int right_answers(int port, const char *user, int requests) {
    static const char *const paths[] = {"/words/GPL-3", "/top/GPL-2", "/later/20", "/words/missing",
                                        "/top/Apache-2.0"};
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = local(port);
    int right = 0;
    if (connect(server, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) return 0;
    for (int i = 0; i < requests; i++) {
        const std::string path = paths[i % 5];
        const std::string text =
            "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nX-User: " + user + "\r\n\r\n";
        std::string got;
        char buffer[4096];
        if (send(server, text.data(), text.size(), MSG_NOSIGNAL) < 0) break;
        std::size_t whole = std::string::npos;
        while (got.size() < whole) {
            const ssize_t part = recv(server, buffer, sizeof buffer, 0);
            if (part <= 0) break;
            got.append(buffer, static_cast<std::size_t>(part));
            const std::size_t head = got.find("\r\n\r\n"), length = got.find("Content-Length: ");
            if (head != std::string::npos && length < head)
                whole = head + 4 + std::strtoul(got.c_str() + length + 16, nullptr, 10);
        }
        const bool missing = path.find("missing") != std::string::npos;
        right += got.compare(9, 3, missing ? "404" : "200") == 0 && got.size() == whole;
    }
    close(server);
    return right;
}

bool same(const char *what, std::uint64_t is, std::uint64_t should) {
    if (is != should)
        std::fprintf(stderr, "%s: %llu, not %llu\n", what, static_cast<unsigned long long>(is),
                     static_cast<unsigned long long>(should));
    return is == should;
}

/* Four users at once, 125 requests each; then what the profile says must be what they did. */
bool checked(int port, users &known) {
    static const char *const names[] = {"ann", "bob", "cid", "dora"};
    const int each = 125;
    std::atomic<int> right{0};
    std::vector<std::thread> clients;
    for (const char *name : names)
        clients.emplace_back([&right, port, name] { right += right_answers(port, name, each); });
    for (std::thread &client : clients)
        client.join();
    const std::uint64_t all = 4 * each;
    bool fine = same("right answers", static_cast<std::uint64_t>(right), all);
    fine &= same("calls of /words", words.read()->count, all * 2 / 5);
    fine &= same("failures of /words", words.read()->failed, all / 5);
    fine &= same("calls of /top", top.read()->count, all * 2 / 5);
    fine &= same("calls of /later", later.read()->count, all / 5);
    /* Suspended is not busy: it waits 20 ms and takes next to nothing of a CPU. */
    fine &= same("p50 of /later of 20 ms",
                 later.read()->wall_p50() >= std::chrono::milliseconds(19), 1);
    fine &= same("its CPU time below a tenth", later.read()->cpu() < later.read()->wall() / 10, 1);
    known.each([&](const std::string &name, const prognos::session &session) {
        fine &= same(name.c_str(), session.read()->count, each);
    });
    return fine;
}

volatile std::sig_atomic_t interrupted = 0;

} // namespace

int main(int argc, char **argv) {
    const bool by_hand = argc == 3 && std::strcmp(argv[1], "--port") == 0;
    if (argc != 1 && !by_hand) {
        std::fprintf(stderr, "usage: %s [--port PORT]\n", argv[0]);
        return 2;
    }
    const prognos::started running;
    if (!running.became())
        std::fprintf(stderr, "%s\n", std::string(running.became().error()).c_str());

    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address = local(by_hand ? std::atoi(argv[2]) : 0);
    socklen_t length = sizeof address;
    if (bind(listener, reinterpret_cast<sockaddr *>(&address), length) != 0 ||
        listen(listener, 64) != 0 ||
        getsockname(listener, reinterpret_cast<sockaddr *>(&address), &length) != 0) {
        std::perror("cannot listen");
        return 1;
    }
    users known;
    std::atomic<bool> closing{false};
    std::atomic<int> open{1};
    bool fine = true;
    {
        workers pool(2);
        accept_all(pool, known, listener, open, closing);
        const int port = ntohs(address.sin_port);
        if (by_hand) {
            std::signal(SIGINT, [](int) { interrupted = 1; });
            std::printf("http://127.0.0.1:%d/top/GPL-3\n", port);
            while (interrupted == 0)
                usleep(100000);
        } else {
            fine = checked(port, known);
        }
        /* The one that listens sees it at the next connection. */
        closing = true;
        const int last = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(last, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0) close(last);
        for (int i = 0; i < 200 && open > 0; i++)
            usleep(10000);
    }
    std::fflush(stdout);
    (void)prognos::dump("-", prognos::format::text);
    known.each([](const std::string &name, const prognos::session &session) {
        const auto stats = session.read();
        std::printf("%-6s %llu requests, %llu failed, p95 %.1f ms\n", name.c_str(),
                    static_cast<unsigned long long>(stats->count),
                    static_cast<unsigned long long>(stats->failed),
                    std::chrono::duration<double, std::milli>(stats->wall_p95()).count());
    });
    close(listener);
    return fine ? 0 : 1;
}
