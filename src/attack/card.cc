#include "attack/card.h"

#include <algorithm>

#include "base/json.h"
#include "base/safe_text.h"

namespace moat::attack {
namespace {

bool Claimed(const Card& card, const Entry& entry) { return !card.sealed || entry.sealed.empty(); }

const Answer* AnswerOf(const Column& column, const Entry& entry) {
  const auto found = column.answers.find(entry.name);
  return found == column.answers.end() ? nullptr : &found->second;
}

std::string AcceptedReason(const Card& card, const Entry& entry) {
  const auto found = card.accepted.find(std::string(entry.name));
  return found == card.accepted.end() ? "" : found->second;
}

std::string Pad(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string Score(const Count& count) {
  std::string text = std::to_string(count.open) + "/" + std::to_string(count.applicable);
  if (count.accepted != 0) text += " (" + std::to_string(count.accepted) + " accepted)";
  if (count.unclear != 0) text += " ?" + std::to_string(count.unclear);
  return text;
}

// Of a column: its longest cell is that of all classes.
std::size_t Width(const Card& card, const Column& column) {
  return std::max({std::size_t{22}, base::Printable(column.name).size() + 2, Score(CountOf(card, column, "")).size() + 2});
}

void AppendTable(const Card& card, std::string& out) {
  constexpr std::size_t kName = 24;
  out += Pad("open / applicable", kName);
  for (const Column& column : card.columns) out += Pad(base::Printable(column.name), Width(card, column));
  out += "\n";
  const auto row = [&](std::string_view family, const std::string& title) {
    out += Pad(title, kName);
    for (const Column& column : card.columns) out += Pad(Score(CountOf(card, column, family)), Width(card, column));
    out.erase(out.find_last_not_of(' ') + 1);
    out += "\n";
  };
  for (const std::string_view family : Classes()) row(family, std::string(family));
  row("", "all");
}

// What the first column has open.
void AppendOpen(const Card& card, std::string& out) {
  const Column& column = card.columns.front();
  for (const Entry& entry : Entries()) {
    const Answer* answer = AnswerOf(column, entry);
    if (answer == nullptr || (answer->fate != Fate::kOpen && answer->fate != Fate::kUnclear) || !Claimed(card, entry)) continue;
    const std::string reason = AcceptedReason(card, entry);
    out += std::string(answer->fate == Fate::kOpen ? "OPEN" : "UNCLEAR") + " " + std::string(entry.name) + " (" + std::string(entry.id) + ", " +
           std::string(SeverityName(entry.severity)) + "): to " + std::string(entry.attempt) + "\n    " + base::Printable(answer->text) +
           "\n    must be stopped by: " + std::string(entry.layers) + "\n";
    if (!reason.empty()) out += "    accepted: " + base::Printable(reason) + "\n";
  }
}

// What opens when a layer is away was held by that layer alone.
void AppendLayers(const Card& card, std::string& out) {
  for (std::size_t i = 1; i < card.columns.size(); ++i) {
    const Column& column = card.columns[i];
    if (column.whose != Whose::kSubjects) continue;
    const Difference difference = DifferenceOf(card, column);
    out += column.name + ": " + difference.words + (difference.probes.empty() ? "" : ":");
    for (const std::string_view name : difference.probes) out += " " + std::string(name);
    out += "\n";
  }
}

void AppendStopped(const Card& card, std::string& out) {
  if (card.sealed) return;
  out += "stopped first by:";
  for (const std::string_view layer : LayersOf(card)) {
    out += (out.back() == ':' ? " " : ", ") + std::string(layer) + " " + std::to_string(StoppedBy(card, layer, ""));
  }
  out += "\n";
}

void WriteAnswer(base::JsonWriter& json, const Column& column, const Entry& entry) {
  const Answer* answer = AnswerOf(column, entry);
  json.BeginObject().Key("target").Text(column.name);
  json.Key("fate").Text(answer == nullptr ? "not tried" : FateName(answer->fate));
  json.Key("text").Text(answer == nullptr ? "" : answer->text).EndObject();
}

}  // namespace

Count CountOf(const Card& card, const Column& column, std::string_view family) {
  Count count;
  for (const Entry& entry : Entries()) {
    const Answer* answer = AnswerOf(column, entry);
    if (answer == nullptr || (!family.empty() && entry.family != family) || !Claimed(card, entry)) continue;
    if (answer->fate == Fate::kNotApplicable) {
      ++count.not_applicable;
      continue;
    }
    ++count.applicable;
    if (answer->fate == Fate::kUnclear) ++count.unclear;
    if (answer->fate != Fate::kOpen) continue;
    ++count.open;
    if (column.whose == Whose::kSubjects && !AcceptedReason(card, entry).empty()) ++count.accepted;
  }
  return count;
}

bool Fails(const Card& card, const Column& column, const Entry& entry) {
  const Answer* answer = AnswerOf(column, entry);
  if (answer == nullptr || !Claimed(card, entry)) return false;
  if (answer->fate == Fate::kUnclear) return true;
  return answer->fate == Fate::kOpen && AcceptedReason(card, entry).empty();
}

bool AnyFails(const Card& card) {
  return std::any_of(Entries().begin(), Entries().end(),
                     [&](const Entry& entry) { return Fails(card, card.columns.front(), entry); });
}

std::string Verdict(const Card& card) {
  const Count all = CountOf(card, card.columns.front(), "");
  return std::to_string(all.applicable) + " probes apply, " + std::to_string(all.open) + " get through (" +
         std::to_string(all.accepted) + " accepted), " + std::to_string(all.unclear) + " gave no answer, " +
         std::to_string(all.not_applicable) + " are not applicable here";
}

namespace {

std::string_view FirstLayer(const Entry& entry) { return entry.layers.substr(0, entry.layers.find(',')); }

bool IsClosed(const Card& card, const Entry& entry) {
  const Answer* answer = AnswerOf(card.columns.front(), entry);
  return answer != nullptr && answer->fate == Fate::kClosed;
}

}  // namespace

unsigned StoppedBy(const Card& card, std::string_view layer, std::string_view family) {
  unsigned count = 0;
  for (const Entry& entry : Entries()) {
    if (FirstLayer(entry) == layer && (family.empty() || entry.family == family) && IsClosed(card, entry)) ++count;
  }
  return count;
}

std::vector<std::string_view> LayersOf(const Card& card) {
  std::vector<std::string_view> layers;
  for (const Entry& entry : Entries()) {
    const std::string_view first = FirstLayer(entry);
    if (IsClosed(card, entry) && std::find(layers.begin(), layers.end(), first) == layers.end()) layers.push_back(first);
  }
  return layers;
}

std::vector<std::string_view> Opened(const Card& card, const Column& column) {
  std::vector<std::string_view> opened;
  for (const Entry& entry : Entries()) {
    const Answer* answer = AnswerOf(column, entry);
    if (IsClosed(card, entry) && answer != nullptr && answer->fate == Fate::kOpen) opened.push_back(entry.name);
  }
  return opened;
}

Difference DifferenceOf(const Card& card, const Column& column) {
  const auto beside = std::find_if(card.columns.begin(), card.columns.end(), [&](const Column& other) { return other.name == column.beside; });
  std::vector<std::string_view> opened = Opened(card, beside == card.columns.end() || column.beside.empty() ? column : *beside);
  const std::string count = std::to_string(opened.size());
  if (column.beside.empty()) return {count + " more get through", std::move(opened)};
  std::erase_if(opened, [&](std::string_view name) {
    const auto answer = column.answers.find(name);
    return answer == column.answers.end() || answer->second.fate != Fate::kClosed;
  });
  return {"stops " + std::to_string(opened.size()) + " of the " + count + " that get through without it", std::move(opened)};
}

std::string PrintText(const Card& card) {
  std::string out = "moat attack " + base::Printable(card.subject) + " on " + base::Printable(card.host) + "\n\n";
  AppendTable(card, out);
  out += "\n";
  AppendOpen(card, out);
  AppendLayers(card, out);
  AppendStopped(card, out);
  return out + "\n" + Verdict(card) + "\n";
}

std::string PrintJson(const Card& card) {
  base::JsonWriter json;
  json.BeginObject().Key("subject").Text(card.subject).Key("host").Text(card.host).Key("scores").BeginArray();
  for (const Column& column : card.columns) {
    const Count count = CountOf(card, column, "");
    json.BeginObject().Key("target").Text(column.name).Key("applicable").Number(count.applicable).Key("open").Number(count.open);
    json.Key("accepted").Number(count.accepted).Key("unclear").Number(count.unclear);
    json.Key("not_applicable").Number(count.not_applicable).EndObject();
  }
  json.EndArray().Key("probes").BeginArray();
  for (const Entry& entry : Entries()) {
    if (AnswerOf(card.columns.front(), entry) == nullptr) continue;
    json.BeginObject().Key("probe").Text(entry.name).Key("id").Text(entry.id).Key("class").Text(entry.family);
    json.Key("attempt").Text(entry.attempt).Key("observe").Text(entry.observe);
    json.Key("severity").Text(SeverityName(entry.severity)).Key("layers").Text(entry.layers);
    json.Key("accepted").Text(AcceptedReason(card, entry));
    if (!entry.sealed.empty()) json.Key("sealed").Text(entry.sealed);
    json.Key("answers").BeginArray();
    for (const Column& column : card.columns) WriteAnswer(json, column, entry);
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
  return std::move(json).Take();
}

}  // namespace moat::attack
