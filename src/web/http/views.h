// What is answered, as JSON. Text of guests stays text: UTF-8 or replaced, never markup.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "moat/report.h"
#include "web/service.h"

namespace moat::web {

// What was denied, in words: `moat explain`'s.
using ExplainDenial = std::function<std::string(const Denial&)>;

std::string ErrorBody(std::string_view error, std::string_view fix, std::string_view request);
std::string JobBody(const StoredJob& job, std::string_view out, std::string_view err);
std::string JobListBody(const std::vector<StoredJob>& jobs);
// `kept`: its outputs are to be had for a while.
enum class Outputs : unsigned char { kGone, kKept };
std::string EndBody(const std::string& id, const std::string& profile, const JobEnd& end, Outputs outputs);
std::string NoticeBody(const StoredJob& job);
std::vector<std::string> OutputNames(const Report& report);
// All that the dashboard and `moat top` show.
Result<std::string> StatusBody(Service& service, const Metrics& metrics, const std::vector<ProfileLoad>& load,
                               std::uint64_t connections, const ExplainDenial& explain);

}  // namespace moat::web
