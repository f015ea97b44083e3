// SPDX-License-Identifier: MIT
#include "store/sqlite/schema.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace meantime::store {
namespace {

namespace fs = std::filesystem;

// Columns of status, reason, media and ends hold the enumerators of task.hpp as numbers: those never change.
// Rowid tables: a running row is found again by its number without a second tree, and new rows go to the end. Ids are
// time-ordered, so their index grows at its end too. Results up to 64 KiB stand in the row, as its last column, so that
// lists never read them; larger ones in pieces that start at a character, found by the character's number.
constexpr const char* version_1 = R"sql(
CREATE TABLE tasks(
  n INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  tool TEXT NOT NULL,
  channel TEXT NOT NULL,
  platform TEXT NOT NULL,
  worker TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 1,
  status INTEGER NOT NULL DEFAULT 0,
  reason INTEGER NOT NULL DEFAULT 0,
  cancel INTEGER NOT NULL DEFAULT 0,
  rerun INTEGER NOT NULL DEFAULT 0,
  late INTEGER NOT NULL DEFAULT 0,
  cut INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL,
  ended INTEGER,
  key TEXT,
  media INTEGER NOT NULL DEFAULT 0,
  exit_code INTEGER,
  result_bytes INTEGER NOT NULL DEFAULT 0,
  result_chars INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  arguments TEXT,
  result BLOB);
CREATE INDEX tasks_owner ON tasks(owner);
CREATE INDEX tasks_running ON tasks(owner) WHERE status = 0;
CREATE INDEX tasks_cancel ON tasks(worker) WHERE cancel = 1 AND status = 0;
CREATE INDEX tasks_ended ON tasks(ended) WHERE ended IS NOT NULL;
CREATE UNIQUE INDEX tasks_key ON tasks(owner, key) WHERE key IS NOT NULL;
CREATE TABLE pieces(n INTEGER NOT NULL, first_char INTEGER NOT NULL, text BLOB NOT NULL);
CREATE INDEX pieces_place ON pieces(n, first_char);
CREATE TABLE live(n INTEGER PRIMARY KEY, value REAL, total REAL, message TEXT,
  output_bytes INTEGER NOT NULL DEFAULT 0, output_start INTEGER NOT NULL DEFAULT 0);
CREATE TABLE output(n INTEGER NOT NULL, start INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE UNIQUE INDEX output_place ON output(n, start);
CREATE TABLE late(n INTEGER PRIMARY KEY, worker TEXT NOT NULL, attempt INTEGER NOT NULL, status INTEGER NOT NULL,
  reason INTEGER NOT NULL, ended INTEGER NOT NULL, media INTEGER NOT NULL, error TEXT NOT NULL, result BLOB NOT NULL);
CREATE TABLE workers(name TEXT PRIMARY KEY, pid INTEGER NOT NULL, boot TEXT NOT NULL, lease_until INTEGER NOT NULL,
  reaped INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE probe(n INTEGER PRIMARY KEY, at INTEGER NOT NULL);
)sql";

// A table beside the tasks: a column would stand behind the result, and cost every task a byte.
constexpr const char* version_2 = R"sql(
CREATE TABLE redirects(n INTEGER NOT NULL, place INTEGER NOT NULL, destination TEXT NOT NULL, platform TEXT NOT NULL,
  channel TEXT NOT NULL, max_chars INTEGER NOT NULL, ends INTEGER NOT NULL, PRIMARY KEY(n, place)) WITHOUT ROWID;
)sql";

// What a running task asks of its caller. Gone when its run ends; of an answered one only the key and response are
// left.
constexpr const char* version_3 = R"sql(
CREATE TABLE inputs(n INTEGER NOT NULL, key TEXT NOT NULL, place INTEGER NOT NULL, method TEXT NOT NULL,
  params TEXT NOT NULL, response TEXT, PRIMARY KEY(n, key)) WITHOUT ROWID;
)sql";

// What is to be delivered. `due` of one that is held (state 1): when others may take it over.
constexpr const char* version_4 = R"sql(
ALTER TABLE redirects ADD COLUMN suppress INTEGER NOT NULL DEFAULT 0;
CREATE TABLE deliveries(
  d INTEGER PRIMARY KEY,
  n INTEGER NOT NULL,
  place INTEGER NOT NULL,
  destination TEXT NOT NULL,
  channel TEXT NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  due INTEGER NOT NULL,
  created INTEGER NOT NULL,
  ended INTEGER,
  worker TEXT NOT NULL DEFAULT '',
  claim INTEGER NOT NULL DEFAULT 0,
  round INTEGER NOT NULL DEFAULT 1,
  attempts INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  chunks INTEGER NOT NULL DEFAULT 0,
  sent INTEGER NOT NULL DEFAULT 0,
  repeated INTEGER NOT NULL DEFAULT 0,
  doubt INTEGER NOT NULL DEFAULT 0,
  stepped INTEGER,
  error TEXT NOT NULL DEFAULT '');
CREATE UNIQUE INDEX deliveries_place ON deliveries(n, place);
CREATE INDEX deliveries_open ON deliveries(destination, channel, due) WHERE state <= 1;
CREATE INDEX deliveries_busy ON deliveries(destination, channel)
  WHERE state <= 1 AND (state = 1 OR (sent > 0 AND sent < chunks));
CREATE TABLE delivery_chunks(d INTEGER NOT NULL, k INTEGER NOT NULL, payload BLOB, remote TEXT, PRIMARY KEY(d, k))
  WITHOUT ROWID;
CREATE TABLE pauses(destination TEXT PRIMARY KEY, until INTEGER NOT NULL, why TEXT NOT NULL) WITHOUT ROWID;
)sql";

// One whose first message of several may have arrived keeps the others of its channel waiting, too.
constexpr const char* version_5 = R"sql(
DROP INDEX deliveries_busy;
CREATE INDEX deliveries_busy ON deliveries(destination, channel)
  WHERE state <= 1 AND (state = 1 OR ((sent > 0 OR (doubt = 1 AND chunks > 1)) AND sent < chunks));
)sql";

constexpr std::array<const char*, 5> all_migrations{version_1, version_2, version_3, version_4, version_5};

// Each missing folder is made for this user alone.
Result<void> make_folder(const fs::path& folder, const char* op, std::string_view another_place) {
  if (folder.empty()) return {};
  struct stat found{};
  if (stat(folder.c_str(), &found) == 0) {
    if (S_ISDIR(found.st_mode)) return {};
    return fail(errc::unavailable, op,
                "'" + folder.string() + "' is not a folder: move it away, or " + std::string(another_place));
  }
  if (folder.has_parent_path() && folder.parent_path() != folder) {
    if (auto made = make_folder(folder.parent_path(), op, another_place); !made) return made;
  }
  if (mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return fail(errc::unavailable, op,
              "The folder '" + folder.string() + "' cannot be made (" + std::strerror(errno) +
                  "): " + std::string(another_place));
}

// Two processes that make the same new file at once refuse each other here without waiting: SQLite's own wait does not
// cover the change of the mode.
void use_log(Database& db) {
  constexpr int tries = 1'000;
  for (int i = 0; i < tries; ++i) {
    db.run("PRAGMA journal_mode = WAL");
    if (db.ok() || db.code() != SQLITE_BUSY) return;
    if (i + 1 < tries) db.clear_fault();
    usleep(5'000);
  }
}

void set_up(Database& db, const SqliteOptions& options) {
  db.run(options.fsync == Fsync::full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  // Checkpoints run beside the writer (checkpointer.hpp); after a burst the log is cut back to this.
  db.run("PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -16000");
}

// A file in the log mode can be read without writing beside it only when it is taken as unchanging.
std::unique_ptr<Database> open_read_only(const fs::path& file) {
  auto db = std::make_unique<Database>(file, SQLITE_OPEN_READONLY);
  (void)db->integer("SELECT count(*) FROM sqlite_master");
  if (db->ok() || db->code() == SQLITE_NOTADB || db->code() == SQLITE_CORRUPT) return db;
  std::string uri = "file:";
  for (const char c : file.string()) {
    static constexpr std::string_view hex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '/' || c == '.' || c == '-' || c == '_') {
      uri += c;
    } else {
      uri += {'%', hex[byte >> 4U], hex[byte & 15U]};
    }
  }
  return std::make_unique<Database>(uri + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

Result<OpenedDatabase> open_only_for_reading(const SqliteOptions& options, Error why,
                                             std::span<const char* const> steps) {
  if (!options.read_only_ok || why.code != errc::unavailable) return std::unexpected(std::move(why));
  auto db = open_read_only(options.file);
  const std::int64_t version = db->integer("PRAGMA user_version");
  if (!db->ok()) return std::unexpected(db->fault("store.open"));
  if (version != static_cast<std::int64_t>(steps.size())) return std::unexpected(std::move(why));
  return OpenedDatabase{std::move(db), true};
}

}  // namespace

std::span<const char* const> migrations() {
  return all_migrations;
}

// SQLite would make the file readable for all. Only a new file is opened here: closing any descriptor of a database
// that is in use would drop the locks this process has on it.
Result<void> make_private_file(const fs::path& file, const char* op, std::string_view another_place) {
  if (auto made = make_folder(file.parent_path(), op, another_place); !made) return made;
  struct stat found{};
  if (stat(file.c_str(), &found) == 0 && !S_ISREG(found.st_mode)) {
    return fail(errc::unavailable, op, "'" + file.string() + "' is not a file: choose another one.");
  }
  const int fd = open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  return {};
}

Result<void> bring_up_to_date(Database& db, const fs::path& file, std::span<const char* const> steps,
                              std::int64_t application) {
  const auto latest = static_cast<std::int64_t>(steps.size());
  std::int64_t version = db.integer("PRAGMA user_version");
  if (db.ok() && version == latest && db.integer("PRAGMA application_id") == application) return {};
  db.run("BEGIN IMMEDIATE");
  version = db.integer("PRAGMA user_version");  // another process may have been quicker
  const std::int64_t found = db.integer("PRAGMA application_id");
  const std::int64_t tables = db.integer("SELECT count(*) FROM sqlite_master");
  if (db.ok() && (tables > 0 || version > 0) && found != application) {
    db.roll_back();
    return fail(errc::corrupt, "store.open",
                "'" + file.string() + "' is a database of another program: choose another file.");
  }
  if (db.ok() && version > latest) {
    db.roll_back();
    return fail(errc::corrupt, "store.open",
                "'" + file.string() + "' was written by a newer meantime (schema " + std::to_string(version) +
                    ", this one knows " + std::to_string(latest) + "): update meantime, or choose another file.");
  }
  for (std::int64_t next = version; next < latest; ++next) db.run(steps[static_cast<std::size_t>(next)]);
  db.run(("PRAGMA application_id = " + std::to_string(application)).c_str());
  db.run(("PRAGMA user_version = " + std::to_string(latest)).c_str());
  if (db.run("COMMIT")) return {};
  Error error = db.fault("store.open");
  db.roll_back();
  return std::unexpected(std::move(error));
}

Result<OpenedDatabase> open_for_writing(const SqliteOptions& options, std::span<const char* const> steps) {
  if (options.file.empty()) return fail(errc::invalid_argument, "store.open", "No file is named for the store.");
  const auto made = make_private_file(options.file, "store.open", Database::other_state_folder);
  if (!made) return std::unexpected(made.error());
  auto db = std::make_unique<Database>(options.file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (db->ok() && sqlite3_db_readonly(db->handle(), "main") == 1) db->note(SQLITE_READONLY);
  use_log(*db);
  if (!db->ok()) return open_only_for_reading(options, db->fault("store.open"), steps);
  set_up(*db, options);
  if (auto done = bring_up_to_date(*db, options.file, steps, application_id); !done) {
    return open_only_for_reading(options, done.error(), steps);
  }
  return OpenedDatabase{std::move(db), false};
}

std::unique_ptr<Database> open_for_reading(const SqliteOptions& options, bool read_only) {
  if (read_only) return open_read_only(options.file);
  auto db = std::make_unique<Database>(options.file, SQLITE_OPEN_READWRITE);
  db->run("PRAGMA query_only = 1; PRAGMA cache_size = -16000");
  return db;
}

std::unique_ptr<Database> open_for_checkpoints(const SqliteOptions& options) {
  auto db = std::make_unique<Database>(options.file, SQLITE_OPEN_READWRITE);
  set_up(*db, options);
  return db;
}

}  // namespace meantime::store
