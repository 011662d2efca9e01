// SQLite, as much of it as we need: open, prepare, bind, step. Errors name the database.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "moat/result.h"

namespace moat::web {

class Statement {
 public:
  Statement& Bind(std::string_view text);  // the next place; a copy is made
  Statement& Bind(std::uint64_t number);
  Statement& Bind(std::int64_t number);

  Result<bool> Step();  // whether there is a row
  Status Run();         // to the end; then it may be bound again
  std::string Text(int column) const;
  std::uint64_t Number(int column) const;
  void Reset();

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int next_ = 1;
  int failed_ = 0;  // of a Bind
};

// One connection, for one thread at a time.
class Database {
 public:
  enum class Durability : unsigned char {
    kEachCommit,  // a commit that returned outlives a loss of power
    kAtLeisure,   // outlives our own death; the last ones may be lost with the machine
  };
  // WAL mode. `schema` creates what is missing.
  static Result<Database> Open(const std::string& path, const char* schema, Durability durability);
  // Another connection to one that is open: sees what is committed, and does not wait for who commits.
  static Result<Database> OpenToRead(const std::string& path);

  Result<Statement> Prepare(const char* sql);
  Status Run(const char* sql);
  Status Begin() { return Run("BEGIN IMMEDIATE"); }
  Status Commit();  // rolls back when it fails
  void Rollback();
  int changes() const { return sqlite3_changes(database_.get()); }

 private:
  static Result<Database> Connect(const std::string& path, int flags);
  struct CloseIt {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  std::unique_ptr<sqlite3, CloseIt> database_;
};

}  // namespace moat::web
