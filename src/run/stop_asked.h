// Has the caller had enough? For long work on this side of a job's end.
#pragma once

namespace moat::run {

struct StopAsked {
  bool (*ask)(int) = nullptr;
  int context = -1;
  bool operator()() const { return ask != nullptr && ask(context); }
};

}  // namespace moat::run
