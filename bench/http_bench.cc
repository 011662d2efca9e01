// What the HTTP door adds to a job of the pool, and writes JSON to standard output:
//
//   http_bench --build build/release --rounds 1000
//
// The same job by the local door and by HTTP, one behind the other, in an order drawn anew in every round;
// beside them a request that runs nothing. No filter is installed for a job.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "bench/daemon.h"
#include "bench/start.h"
#include "moat/pool.h"

namespace moat::bench {
namespace {

constexpr int kWarmUp = 50;

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "http_bench: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) Fail(result.error().ToString());
  return std::move(result).value();
}

// One connection that is kept; answers are short and have a length.
class HttpClient {
 public:
  explicit HttpClient(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) Fail("connect");
  }
  void Ask(const std::string& request) {
    if (send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) Fail("send");
    std::string answer;
    std::size_t head = std::string::npos, length = 0;
    while (head == std::string::npos || answer.size() < head + 4 + length) {
      char bytes[16384];
      const ssize_t got = recv(socket_.get(), bytes, sizeof(bytes), 0);
      if (got <= 0) Fail("the connection ended");
      answer.append(bytes, static_cast<std::size_t>(got));
      if (head != std::string::npos) continue;
      head = answer.find("\r\n\r\n");
      const std::size_t field = answer.find("Content-Length: ");
      if (head != std::string::npos && field < head) length = static_cast<std::size_t>(std::atol(answer.c_str() + field + 16));
    }
    if (answer.rfind("HTTP/1.1 200", 0) != 0) Fail("answered: " + answer);
  }

 private:
  sys::Fd socket_;
};

struct Contender {
  std::string key, name;
  std::function<void()> job;
  std::vector<double> times;
};

std::string MakeHouse(const std::string& build) {
  char name[] = "/tmp/moat-bench-XXXXXX";
  if (mkdtemp(name) == nullptr) Fail("mkdtemp");
  const std::string folder = name;
  std::ofstream(folder + "/pool.toml") << "moat = 1\n[door.local]\nsocket = \"" << folder << "/s\"\n[profile.guest]\nprogram = [\"" << build
                                       << "/bench/http_guest\"]\nready = 16\n";
  std::ofstream(folder + "/http.toml") << "moat = 1\n[server]\nlisten = \"127.0.0.1:0\"\nspool = \"" << folder << "/spool\"\npool = \"" << folder
                                       << "/s\"\njobs = 1\n[profile.guest]\noutput = \"o\"\n";
  return folder;
}

void Race(std::vector<Contender>& contenders, int rounds) {
  std::mt19937 random(1);  // NOLINT: the same order every time is what is wanted
  for (int round = -kWarmUp; round < rounds; ++round) {
    std::shuffle(contenders.begin(), contenders.end(), random);
    for (Contender& each : contenders) {
      const double begin = Now();
      each.job();
      if (round >= 0) each.times.push_back(Now() - begin);
      usleep(300);  // until workers are parked again: how long that takes is another benchmark's
    }
  }
}

double Quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

int Main(const std::string& build, int rounds) {
  const std::string folder = MakeHouse(build), moat = build + "/bin/moat";
  nlohmann::json results;
  {
    const Daemon pool = Must(Daemon::Start(moat, "serve", folder + "/pool.toml", folder + "/log"));
    const Daemon door = Must(Daemon::Start(moat, "http", folder + "/http.toml", folder + "/log"));
    PoolClient client = Must(PoolClient::Connect(folder + "/s"));
    HttpClient http(std::atoi(door.said().c_str()));
    PoolJob job;
    job.profile = "guest";
    std::vector<Contender> field = {
        {"local", "a job that does nothing, by the local door of `moat serve`", [&] {
           if (Must(client.Run(job)).report.ExitStatus() != 0) Fail("a job failed");
         }, {}},
        {"http", "the same by HTTP before it: `POST ...?output=`", [&] {
           http.Ask("POST /v1/jobs/guest?output=o HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
         }, {}},
        {"ready", "`GET /readyz`, which runs nothing", [&] { http.Ask("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"); }, {}}};
    Race(field, rounds);
    for (const Contender& each : field) {
      results["rows"].push_back({{"key", each.key}, {"name", each.name}, {"least_us", Quantile(each.times, 0)},
                                 {"p50_us", Quantile(each.times, 0.5)}, {"p99_us", Quantile(each.times, 0.99)}});
    }
  }
  results["rounds"] = rounds;
  std::filesystem::remove_all(folder);
  std::printf("%s\n", results.dump(2).c_str());
  return 0;
}

}  // namespace
}  // namespace moat::bench

int main(int argc, char** argv) {
  std::string build;
  int rounds = 1000;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--build") == 0) build = argv[i + 1];
    if (std::strcmp(argv[i], "--rounds") == 0) rounds = std::max(1, std::atoi(argv[i + 1]));
  }
  if (build.empty()) {
    std::fprintf(stderr, "http_bench --build DIR [--rounds N]\n");
    return 2;
  }
  return moat::bench::Main(build, rounds);
}
