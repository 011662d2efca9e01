// The score card as one page: no script, no picture, nothing from elsewhere.
#include "attack/card.h"
#include "base/safe_text.h"

namespace moat::attack {
namespace {

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:90rem;padding:0 1rem;color:#1c2128;background:#fff}"
    "h1{font-size:1.6rem}.verdict{padding:.6rem .8rem;font-weight:600}table{border-collapse:collapse;width:100%;margin:1rem 0}"
    "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d8dee4;vertical-align:top}"
    "th{background:#f6f8fa}code{font-size:.9em}.closed{background:#dafbe1}.open{background:#ffd7d5}"
    ".accepted{background:#fff4d3}.unclear{background:#ffe3c2}.na{color:#6e7781}small{color:#57606a}"
    "@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}th{background:#161b22}"
    "th,td{border-color:#30363d}.closed{background:#12361f}.open{background:#5a1e1b}.accepted{background:#4d3b08}"
    ".unclear{background:#5a3a10}small,.na{color:#8d96a0}}";

// Texts of probes and tools are theirs: nothing of them is markup here.
std::string Plain(std::string_view text) {
  std::string out;
  for (const char c : base::Printable(text)) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string Cell(const Card& card, const Column& column, const Entry& entry) {
  const auto found = column.answers.find(entry.name);
  if (found == column.answers.end()) return "<td></td>";
  const Answer& answer = found->second;
  const bool claimed = !card.sealed || entry.sealed.empty();
  const auto reason = card.accepted.find(std::string(entry.name));
  const bool first = &column == &card.columns.front();
  const bool accepted = column.whose == Whose::kSubjects && reason != card.accepted.end();
  const char* look = answer.fate == Fate::kClosed          ? "closed"
                     : answer.fate == Fate::kNotApplicable ? "na"
                     : answer.fate == Fate::kUnclear       ? "unclear"
                     : accepted || !claimed                ? "accepted"
                                                           : "open";
  const std::string cell = "<td class=\"" + std::string(look) + "\"";
  if (!first && card.columns.size() > 2) return cell + " title=\"" + Plain(answer.text) + "\">" + std::string(FateName(answer.fate)) + "</td>";
  std::string out = cell + ">" + std::string(FateName(answer.fate)) + "<br><small>" + Plain(answer.text);
  if (answer.fate == Fate::kOpen && accepted) out += "<br>accepted: " + Plain(reason->second);
  if (answer.fate == Fate::kOpen && !claimed) out += "<br>no claim of a seal: " + Plain(entry.sealed);
  return out + "</small></td>";
}

std::string Heads(const Card& card) {
  std::string out;
  for (const Column& column : card.columns) out += "<th>" + Plain(column.name) + "</th>";
  return out;
}

std::string Score(const Count& count) {
  const char* look = count.open > count.accepted ? "open" : count.open > 0 ? "accepted" : count.unclear > 0 ? "unclear" : "closed";
  return "<td class=\"" + std::string(count.applicable == 0 ? "na" : look) + "\">" + std::to_string(count.open) + " of " +
         std::to_string(count.applicable) + "</td>";
}

std::string Summary(const Card& card) {
  std::string out = "<h2>What gets through, by class</h2><table><tr><th>class</th>" + Heads(card) + "</tr>";
  const auto row = [&](std::string_view family, std::string_view title) {
    out += "<tr><td>" + Plain(title) + "</td>";
    for (const Column& column : card.columns) out += Score(CountOf(card, column, family));
    out += "</tr>";
  };
  for (const std::string_view family : Classes()) row(family, family);
  row("", "all");
  return out + "</table>";
}

// Classes against layers: who answers first. The others that must hold as well are in the tables below.
std::string Layers(const Card& card) {
  if (card.sealed) return "";
  const auto layers = LayersOf(card);
  std::string out = "<h2>What stopped them, by class and layer</h2><table><tr><th>class</th>";
  for (const std::string_view layer : layers) out += "<th>" + Plain(layer) + "</th>";
  out += "</tr>";
  const auto row = [&](std::string_view family, std::string_view title) {
    out += "<tr><td>" + Plain(title) + "</td>";
    for (const std::string_view layer : layers) {
      const unsigned count = StoppedBy(card, layer, family);
      out += count == 0 ? "<td class=\"na\">-</td>" : "<td class=\"closed\">" + std::to_string(count) + "</td>";
    }
    out += "</tr>";
  };
  for (const std::string_view family : Classes()) row(family, family);
  row("", "all");
  return out + "</table>";
}

// What is closed with all layers and opens in a column where some are away, or is stopped by one alone.
std::string Alone(const Card& card) {
  std::string rows;
  for (std::size_t i = 1; i < card.columns.size(); ++i) {
    if (card.columns[i].whose != Whose::kSubjects) continue;
    const Difference difference = DifferenceOf(card, card.columns[i]);
    rows += "<tr><td>" + Plain(card.columns[i].name) + "</td><td>" + Plain(difference.words) + "</td><td>";
    for (const std::string_view name : difference.probes) rows += "<code>" + Plain(name) + "</code> ";
    rows += "</td></tr>";
  }
  if (rows.empty()) return "";
  return "<h2>Defence in depth</h2><p>What opens when layers are away was held by those alone; all else is held "
         "twice.</p><table><tr><th>jail</th><th>what differs</th><th>probes</th></tr>" + rows + "</table>";
}

std::string Detail(const Card& card, std::string_view family) {
  std::string rows;
  for (const Entry& entry : Entries()) {
    if (entry.family != family || card.columns.front().answers.count(entry.name) == 0) continue;
    rows += "<tr><td><code>" + Plain(entry.name) + "</code><br><small>" + Plain(entry.id) + ", " + std::string(SeverityName(entry.severity)) +
            "</small></td><td>to " + Plain(entry.attempt) + "<br><small>it worked when: " + Plain(entry.observe) + "<br>layers: " +
            Plain(entry.layers) + "</small></td>";
    for (const Column& column : card.columns) rows += Cell(card, column, entry);
    rows += "</tr>";
  }
  if (rows.empty()) return "";
  return "<h2>" + Plain(family) + "</h2><table><tr><th>probe</th><th>attempt</th>" + Heads(card) + "</tr>" + rows + "</table>";
}

}  // namespace

std::string PrintHtml(const Card& card) {
  std::string out = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
                    "<title>moat attack " +
                    Plain(card.subject) + "</title><style>" + std::string(kStyle) + "</style></head><body><h1>moat attack " +
                    Plain(card.subject) + "</h1><p>" + Plain(card.host) +
                    ". Each probe ran outside first; one that does not work there is not applicable.</p><p class=\"" +
                    std::string(AnyFails(card) ? "open" : "closed") + " verdict\">" + Plain(Verdict(card)) + ".</p>" + Summary(card) +
                    Layers(card) + Alone(card);
  for (const std::string_view family : Classes()) out += Detail(card, family);
  return out + "</body></html>\n";
}

}  // namespace moat::attack
