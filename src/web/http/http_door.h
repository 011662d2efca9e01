// The inside of the door: the HTTP library's server on our own connections, and the routes.
#pragma once

#include <httplib.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "web/http/door.h"
#include "web/http/gate.h"
#include "web/http/reactor.h"
#include "web/http/stay.h"

namespace moat::web {

// What is known of the request that this thread answers.
struct Visit {
  std::string request;  // its id
  Caller caller;
  std::uint64_t since_ns = 0;
  std::shared_ptr<const Config> config;  // in force when it came
};
Visit& CurrentVisit();
Callers CallersOf(const Visit& visit);

// The library's server, without its sockets and threads.
class Library : public httplib::Server {
 public:
  Library() { svr_sock_ = 0; }  // anything but "shutting down"
  ~Library() override { svr_sock_ = INVALID_SOCKET; }
  enum class Left : unsigned char { kOpen, kClosed };
  Left Process(Connection& connection);
};

class HttpDoor final : public Door {
 public:
  explicit HttpDoor(DoorParts parts) : parts_(std::move(parts)), gate_(parts_.config) {}
  ~HttpDoor() override { reactor_.reset(); }
  Status Start(sys::Fd listener);
  void StopAccepting() override { reactor_->StopAccepting(); }
  void HandOver(Pass pass) override;
  void TakeBack() override;
  void Adopt(sys::Fd socket, std::string read) override { reactor_->Adopt(std::move(socket), std::move(read)); }
  std::uint64_t connections() const override { return reactor_->connections(); }

 private:
  using Request = httplib::Request;
  using Response = httplib::Response;
  using Reader = httplib::ContentReader;

  Reactor::Next Answer(Connection& connection);
  void SetUp();
  void AddHandlers();
  void AddRoutes();
  void AddPages();

  // Whether the request may go on. If not, it has its answer.
  enum class Verdict : unsigned char { kGoOn, kAnswered };
  Verdict CheckRequest(const Request& request, Response& response);
  Verdict CheckCaller(const Request& request, Response& response);

  // Uploads and submission (submit.cc).
  struct Submission;
  void Submit(const Request& request, Response& response, const Reader& reader);
  static Staged::Kind KindFor(const Request& request, const Submission& submission);
  Verdict Prepare(const Request& request, Response& response, Submission& submission);
  Verdict ReadOptions(const Request& request, Response& response, Submission& submission);
  Verdict Receive(const Request& request, Response& response, const Reader& reader, Submission& submission);
  void SubmitLater(Response& response, Submission& submission);
  void SubmitNow(const Request& request, Response& response, Submission& submission);
  void AnswerEnd(const Request& request, Response& response, Submission& submission, const JobEnd& end);
  void SendOwnOutput(Response& response, Submission& submission, const JobEnd& end, const std::string& name);
  Verdict CheckAdmission(Response& response, const Admission& admission);

  // Jobs that were accepted (results.cc).
  std::optional<StoredJob> Mine(const Request& request, Response& response);
  std::vector<StoredJob> WaitForJobs(const std::vector<std::string>& ids, std::int64_t wait_ns, std::size_t enough);
  void GetJob(const Request& request, Response& response);
  void GetJobs(const Request& request, Response& response);
  Verdict CancelLive(const std::string& id, Response& response);
  void DeleteJob(const Request& request, Response& response);
  void GetOutput(const Request& request, Response& response);
  void GetStream(const Request& request, Response& response);
  void GetArchive(const Request& request, Response& response);

  // The house (operator.cc).
  void GetHealth(Response& response);
  void GetReady(Response& response);
  void GetMetrics(Response& response);
  void GetStatus(Response& response);

  Verdict Fail(Response& response, int status, std::string_view error, std::string_view fix = {});
  // Null: too many are, and that was the answer. To be kept until the answer is out.
  std::shared_ptr<Stay> StayAtDisk(Response& response);
  Verdict Busy(Response& response, int status, std::uint64_t retry_ms, std::string_view error, std::string_view why);

  DoorParts parts_;
  Gate gate_;
  Library library_;
  // Threads that may stay long, so that there always are some for what is quick: with jobs, uploads and polls;
  // with what is read from the disk for a client, or removed from it.
  StayRoom waiting_, at_disk_;
  std::atomic<bool> hands_over_ = false;
  std::mutex probe_mutex_;
  std::uint64_t probed_ns_ = 0;
  std::string probe_error_;
  std::unique_ptr<Reactor> reactor_;  // last: its threads use all of the above
};

// Results of guests: never shown by a browser, never taken for a page of ours.
void SendFile(httplib::Response& response, sys::Fd file, const std::string& name, std::shared_ptr<void> owner);
std::string QueryOf(const httplib::Request& request, const char* name);

}  // namespace moat::web
