#include "web/database.h"

#include <cerrno>

namespace moat::web {
namespace {

constexpr int kBusyMs = 5000;

// ENOSPC is what callers ask for: it is nobody's bug, and it passes.
Error Describe(sqlite3* database, int code) {
  int number = sqlite3_system_errno(database);
  if ((code & 0xff) == SQLITE_FULL) number = ENOSPC;
  Error error = SystemError("sqlite", number);
  error.message = std::string("the store's database: ") + sqlite3_errstr(code) + ": " + sqlite3_errmsg(database);
  return error;
}

}  // namespace

Statement& Statement::Bind(std::string_view text) {
  const int code = sqlite3_bind_text64(statement_.get(), next_++, text.empty() ? "" : text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) failed_ = code;
  return *this;
}

Statement& Statement::Bind(std::int64_t number) {
  const int code = sqlite3_bind_int64(statement_.get(), next_++, number);
  if (code != SQLITE_OK) failed_ = code;
  return *this;
}

Statement& Statement::Bind(std::uint64_t number) { return Bind(static_cast<std::int64_t>(number)); }

Result<bool> Statement::Step() {
  const int code = failed_ != 0 ? failed_ : sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return Describe(sqlite3_db_handle(statement_.get()), code);
}

Status Statement::Run() {
  auto row = Step();
  Reset();
  if (!row.ok()) return row.error();
  return {};
}

void Statement::Reset() {
  sqlite3_reset(statement_.get());
  next_ = 1;
  failed_ = 0;
}

std::string Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  const int length = sqlite3_column_bytes(statement_.get(), column);
  return text == nullptr ? std::string() : std::string(text, static_cast<std::size_t>(length));
}

std::uint64_t Statement::Number(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

Result<Database> Database::Connect(const std::string& path, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE, nullptr);
  Database database;
  database.database_.reset(raw);
  if (code != SQLITE_OK) return Describe(raw, code);
  sqlite3_busy_timeout(raw, kBusyMs);
  return database;
}

Result<Database> Database::OpenToRead(const std::string& path) {
  Database database = MOAT_TRY(Connect(path, 0));
  MOAT_TRY(database.Run("PRAGMA query_only = 1"));
  return database;
}

Result<Database> Database::Open(const std::string& path, const char* schema, Durability durability) {
  Database database = MOAT_TRY(Connect(path, SQLITE_OPEN_CREATE));
  MOAT_TRY(database.Run("PRAGMA journal_mode = WAL"));
  MOAT_TRY(database.Run(durability == Durability::kEachCommit ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"));
  MOAT_TRY(database.Run(schema));
  return database;
}

Result<Statement> Database::Prepare(const char* sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v2(database_.get(), sql, -1, &raw, nullptr);
  if (code != SQLITE_OK) return Describe(database_.get(), code);
  Statement statement;
  statement.statement_.reset(raw);
  return statement;
}

Status Database::Run(const char* sql) {
  const int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status() : Status(Describe(database_.get(), code));
}

Status Database::Commit() {
  Status done = Run("COMMIT");
  if (!done.ok()) Rollback();
  return done;
}

void Database::Rollback() {
  if (sqlite3_get_autocommit(database_.get()) == 0) sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace moat::web
