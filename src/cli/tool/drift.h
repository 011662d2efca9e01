// What a policy was made with, and what is different now.
#pragma once

#include <string>
#include <vector>

#include "learn/observations.h"
#include "learn/scan.h"
#include "policy/model.h"

namespace moat::tool {

// The programs that ran and the shared objects that they opened, scanned. What cannot be read is left out.
std::vector<learn::Object> ObjectsOf(const learn::Observations& seen);

// What the policy is made with: "kernel 6.1.0", "libc 2.36", "build id 1234 of /usr/bin/x".
std::vector<std::string> Made(const std::vector<learn::Object>& objects);

// What of that does not hold any more, in words, with the calls that a changed object can make and that `model`
// refuses. `text` is the policy's file.
std::vector<std::string> Drift(const std::string& text, const policy::Model& model);

}  // namespace moat::tool
