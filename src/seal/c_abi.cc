#include "moat/moat_seal.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <new>
#include <string_view>

#include "moat/seal.h"
#include "seal/line.h"

struct moat_seal {
  moat::Seal seal{moat::SealSelfTest::kOff};
};
struct moat_prepared_seal {
  moat::PreparedSeal seal;
};

namespace {

constexpr char kNoSeal[] = "there is no seal: no memory, or no such preset";

int Tell(const std::string& text, char* why, unsigned long size) {
  if (why == nullptr || size == 0) return -1;
  const std::size_t length = text.size() < size ? text.size() : size - 1;
  memcpy(why, text.data(), length);
  why[length] = '\0';
  return -1;
}

// Each line is put together on the stack: behind the seal there may be no memory to be had.
void TellLine(std::initializer_list<std::string_view> parts, moat_seal_tell* tell, void* context) {
  char text[512];
  std::size_t used = 0;
  for (const std::string_view part : parts) {
    const std::size_t now = std::min(part.size(), sizeof(text) - 1 - used);
    memcpy(text + used, part.data(), now);
    used += now;
  }
  text[used] = '\0';
  tell(context, text);
}

void TellReport(const moat::SealReport& report, moat_seal_tell* tell, void* context) {
  for (const auto& stray : report.strays) {
    char digits[12];
    moat::seal::Line number(digits, sizeof(digits));
    number.Signed(stray.fd);
    TellLine({"descriptor ", {digits, number.used()}, " (", stray.what, ") was ", stray.done}, tell, context);
  }
  for (const std::string& note : report.notes) TellLine({note}, tell, context);
  for (const auto& trial : report.trials) TellLine({trial.attempt, ": ", trial.verdict}, tell, context);
}

// Runs `use` on the seal, if there is one.
template <typename Use>
void With(moat_seal* seal, Use use) {
  if (seal != nullptr) use(seal->seal);
}

// An enumerator out of range must not become the first one by accident.
template <typename Enum>
bool Convert(moat::Seal& seal, int value, Enum last, const char* what, Enum& out) {
  if (value >= 0 && value <= static_cast<int>(last)) {
    out = static_cast<Enum>(value);
    return true;
  }
  if (seal.request().mistake.empty()) seal.request().mistake = std::string("not one of the values for ") + what;
  return false;
}

}  // namespace

extern "C" {

moat_seal* moat_seal_new_with(int self_test) {
  auto* seal = new (std::nothrow) moat_seal;
  moat_seal_self_test(seal, self_test);
  return seal;
}

moat_seal* moat_seal_preset_with(const char* name, int self_test) {
  auto preset = moat::Seal::Preset(name != nullptr ? name : "", moat::SealSelfTest::kOff);
  moat_seal* seal = preset.ok() ? moat_seal_new_with(0) : nullptr;
  if (seal != nullptr) seal->seal = *std::move(preset);
  moat_seal_self_test(seal, self_test);
  return seal;
}

void moat_seal_free(moat_seal* seal) { delete seal; }

void moat_seal_read(moat_seal* seal, int fd) {
  With(seal, [&](moat::Seal& s) { s.Read(fd); });
}
void moat_seal_write(moat_seal* seal, int fd) {
  With(seal, [&](moat::Seal& s) { s.Write(fd); });
}
void moat_seal_read_write(moat_seal* seal, int fd) {
  With(seal, [&](moat::Seal& s) { s.ReadWrite(fd); });
}
void moat_seal_seek(moat_seal* seal, int fd) {
  With(seal, [&](moat::Seal& s) { s.Seek(fd); });
}
void moat_seal_map(moat_seal* seal, int fd) {
  With(seal, [&](moat::Seal& s) { s.Map(fd); });
}
void moat_seal_any_read(moat_seal* seal) {
  With(seal, [](moat::Seal& s) { s.AnyRead(); });
}
void moat_seal_any_write(moat_seal* seal) {
  With(seal, [](moat::Seal& s) { s.AnyWrite(); });
}
void moat_seal_memory(moat_seal* seal) {
  With(seal, [](moat::Seal& s) { s.Memory(); });
}
void moat_seal_time(moat_seal* seal) {
  With(seal, [](moat::Seal& s) { s.Time(); });
}
void moat_seal_random(moat_seal* seal) {
  With(seal, [](moat::Seal& s) { s.Random(); });
}
void moat_seal_waiting(moat_seal* seal) {
  With(seal, [](moat::Seal& s) { s.Waiting(); });
}
void moat_seal_soft_open(moat_seal* seal) {
  With(seal, [](moat::Seal& s) { s.SoftOpen(); });
}
void moat_seal_promise(moat_seal* seal, const char* words) {
  With(seal, [&](moat::Seal& s) { s.Promise(words != nullptr ? words : "NULL"); });
}
void moat_seal_record(moat_seal* seal, int fd) {
  With(seal, [&](moat::Seal& s) { s.Record(fd); });
}
void moat_seal_file_size(moat_seal* seal, unsigned long long bytes) {
  With(seal, [&](moat::Seal& s) { s.FileSize(bytes); });
}
void moat_seal_keep_dumps(moat_seal* seal) {
  With(seal, [](moat::Seal& s) { s.Dumps(moat::SealDumps::kKeep); });
}
void moat_seal_threads(moat_seal* seal, int threads) {
  With(seal, [&](moat::Seal& s) { Convert(s, threads, moat::SealThreads::kNew, "threads", s.request().threads); });
}
void moat_seal_strays(moat_seal* seal, int strays) {
  With(seal, [&](moat::Seal& s) { Convert(s, strays, moat::SealStrays::kKeep, "strays", s.request().strays); });
}
void moat_seal_on_violation(moat_seal* seal, int mode, int error_number) {
  With(seal, [&](moat::Seal& s) {
    Convert(s, mode, moat::SealViolation::kReport, "violations", s.request().violation);
    if (mode == MOAT_SEAL_ERRNO) s.request().violation_errno = error_number;
  });
}
void moat_seal_self_test(moat_seal* seal, int on) {
  With(seal, [&](moat::Seal& s) { s.request().self_test = on != 0 ? moat::SealSelfTest::kOn : moat::SealSelfTest::kOff; });
}

int moat_seal_apply(const moat_seal* seal, char* why, unsigned long size) {
  return moat_seal_apply_telling(seal, nullptr, nullptr, why, size);
}

int moat_seal_apply_telling(const moat_seal* seal, moat_seal_tell* tell, void* context, char* why, unsigned long size) {
  if (seal == nullptr) return Tell(kNoSeal, why, size);
  const auto applied = seal->seal.Apply();
  if (!applied.ok()) return Tell(applied.error().ToString(), why, size);
  if (tell != nullptr) TellReport(*applied, tell, context);
  return 0;
}

moat_prepared_seal* moat_seal_prepare(const moat_seal* seal, char* why, unsigned long size) {
  auto prepared = seal != nullptr ? seal->seal.Prepare() : moat::Result<moat::PreparedSeal>(moat::PolicyError(kNoSeal));
  moat_prepared_seal* made = prepared.ok() ? new (std::nothrow) moat_prepared_seal : nullptr;
  if (made != nullptr) made->seal = *std::move(prepared);
  if (made == nullptr) Tell(prepared.ok() ? "no memory" : prepared.error().ToString(), why, size);
  return made;
}

int moat_prepared_seal_apply(const moat_prepared_seal* seal, char* why, unsigned long size) {
  if (seal == nullptr) return Tell(kNoSeal, why, size);
  const auto applied = seal->seal.Apply();
  return applied.ok() ? 0 : Tell(applied.error().ToString(), why, size);
}

void moat_prepared_seal_free(moat_prepared_seal* seal) { delete seal; }

}  // extern "C"
