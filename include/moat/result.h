// Result<T> and Error: how every moat function reports failure. No exception crosses a
// public header.
//
//   moat::Result<moat::Fd> OpenIt();
//   moat::Result<int> Use() {
//     auto fd = MOAT_TRY(OpenIt());   // returns the Error to our caller
//     return 1;
//   }
//
// Ownership: value types. Threads: none shared. The guest's fate is never an Error, it is
// a Report (moat/report.h).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace moat {

enum class ErrorKind : std::uint8_t {
  kPolicy,  // what was asked for is wrong: a policy, a flag, a command line
  kHost,    // this host cannot do it
  kSystem,  // a system call failed that should have worked
  kBug,     // moat is wrong
};

// Where in a policy (or command line, then file is "command line") something was asked for.
struct Origin {
  std::string file;
  std::uint32_t line = 0;    // 1-based; 0: none
  std::uint32_t column = 0;  // 1-based; 0: none

  bool empty() const { return file.empty() && line == 0; }
  std::string ToString() const;  // "thumb.toml:12:3", "" when empty
};

struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::kBug;
  std::string message;   // what went wrong, one line, lower case, no full stop
  std::string call;      // the system call, "" when none
  int error_number = 0;  // errno(3) of that call, 0 when none
  std::string subject;   // the path, key or value concerned
  std::string fix;       // the narrowest thing that would help, "" when unknown
  Origin origin;         // the policy line that asked for it

  // "policy.toml:3:9: unknown key `memmory` in [limits]; did you mean `memory`?"
  std::string ToString() const;
};

// Short makers; chain with the With* functions below.
Error PolicyError(std::string message, Origin origin = {});
Error HostError(std::string message, std::string fix = {});
Error SystemError(std::string call, int error_number, std::string subject = {});
Error BugError(std::string message);

inline Error WithFix(Error error, std::string fix) {
  error.fix = std::move(fix);
  return error;
}
inline Error WithOrigin(Error error, Origin origin) {
  error.origin = std::move(origin);
  return error;
}

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Precondition: ok(). A wrong call stops the process: it is a bug, never a guest's doing.
  T& value() & { return ok() ? *std::get_if<0>(&state_) : Die(); }
  const T& value() const& { return ok() ? *std::get_if<0>(&state_) : const_cast<Result*>(this)->Die(); }
  T&& value() && { return std::move(ok() ? *std::get_if<0>(&state_) : Die()); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Precondition: !ok().
  Error& error() & { return *std::get_if<1>(&state_); }
  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

 private:
  [[noreturn]] T& Die() { __builtin_trap(); }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  void value() const {
    if (!ok_) __builtin_trap();
  }
  Error& error() & { return error_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

namespace internal {
inline void TakeValue(Result<void>&) {}
template <typename T>
T&& TakeValue(Result<T>& result) {
  return std::move(result).value();
}
}  // namespace internal

// Evaluates to the value, or returns the Error from the enclosing function. A statement
// expression: accepted by g++ and clang, the two compilers that moat is built with.
#define MOAT_TRY(expression)                                             \
  __extension__({                                                        \
    auto moat_try_result = (expression);                                 \
    if (!moat_try_result.ok()) return std::move(moat_try_result).error(); \
    ::moat::internal::TakeValue(moat_try_result);                        \
  })

}  // namespace moat
