/* SQLite on an authority with a quota: pages in memory without pointers, audited; out of quota is SQLITE_NOMEM; a
 * key in secret memory that SQLite itself gives back. docs/intentions.md tells the story.
 *
 *     hooks_sqlite FOLDER     works on a database in FOLDER
 */
#include "sqlite.h"

#include "hooks.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { MIB = 1 << 20, ROWS = 20000 };

static char path[4096];

static void start(sqlite3_mem_methods memory, const sqlite3_pcache_methods2 *pages)
{
    MUST(sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) == SQLITE_OK);
    MUST(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK); /* a pool of its own is none of ours */
    if (pages != NULL) {
        sqlite3_pcache_methods2 copy = *pages;
        MUST(sqlite3_config(SQLITE_CONFIG_PCACHE2, &copy) == SQLITE_OK);
    }
    MUST(sqlite3_initialize() == SQLITE_OK);
}

static void run(sqlite3 *database, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(database, sql, NULL, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, message);
        exit(1);
    }
}

static int64_t number(sqlite3 *database, const char *sql)
{
    sqlite3_stmt *statement;
    MUST(sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK);
    MUST(sqlite3_step(statement) == SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static sqlite3 *filled(void)
{
    sqlite3 *database;
    unlink(path);
    MUST(sqlite3_open(path, &database) == SQLITE_OK);
    run(database, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4000");
    run(database, "CREATE TABLE words(id INTEGER PRIMARY KEY, text TEXT); BEGIN");
    sqlite3_stmt *insert;
    MUST(sqlite3_prepare_v2(database, "INSERT INTO words(text) VALUES(printf('%08d %s', ?1 * 7919 % 65521, hex(?1)))",
                            -1, &insert, NULL) == SQLITE_OK);
    for (int i = 0; i < ROWS; i++) {
        sqlite3_bind_int(insert, 1, i);
        MUST(sqlite3_step(insert) == SQLITE_DONE);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    run(database, "COMMIT; CREATE INDEX by_text ON words(text)");
    MUST(number(database, "SELECT count(*) FROM words WHERE text > '00030000'") > 0);
    return database;
}

/* As SQLite comes: its time, for comparison. */
static double as_it_comes(void)
{
    double begin = milliseconds();
    sqlite3 *database = filled();
    double time = milliseconds() - begin;
    sqlite3_close(database);
    sqlite3_shutdown();
    return time;
}

static void naive_promise(void)
{
    sqlite_heap = heap_with_quota(64 * MIB, "naive");
    start(sqlite_memory(true), NULL);
    sqlite3 *database = filled();
    size_t promised = live_in(1), words = ca_audit_nocaps(NULL, NULL);
    printf("SQLite's own page cache in nocaps memory: %zu KiB promised to hold no pointers, and %zu words do\n",
           promised / 1024, words);
    MUST(promised > 0 && words > 100);
    sqlite3_close(database);
    sqlite3_shutdown();
    MUST(charged(sqlite_heap) == 0);
    MUST(ca_heap_destroy(sqlite_heap) == CA_OK);
}

/* Toy arithmetic, no cryptography: what matters is where the key lies. */
static void keyed(sqlite3_context *context, int count, sqlite3_value **values)
{
    const ca_secret *key = sqlite3_user_data(context);
    uint64_t sum;
    (void)count;
    memcpy(&sum, key->ptr, sizeof sum);
    const unsigned char *text = sqlite3_value_text(values[0]);
    while (text != NULL && *text != 0)
        sum = (sum ^ *text++) * 0x100000001b3;
    sqlite3_result_int64(context, (int64_t)sum);
}

static void give_key_back(void *data)
{
    ca_secret *key = data;
    ca_deallocate_zeroed(*key);
    key->ptr = NULL;
}

/* The key goes back when SQLite lets go of the function. */
static void key_in_secret_memory(sqlite3 *database)
{
    static ca_secret key;
    key = ca_unwrap(ca_allocate_secret(sqlite_heap, CA_LAYOUT_ARRAY(char, 32)));
    memset(key.ptr, 0x5a, 32);
    const volatile char *was = key.ptr;
    MUST(sqlite3_create_function_v2(database, "keyed", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, &key, keyed, NULL, NULL,
                                    give_key_back) == SQLITE_OK);
    MUST(number(database, "SELECT count(DISTINCT keyed(text)) FROM words") == ROWS);
    MUST(live_in(3) > 0);
    MUST(sqlite3_create_function_v2(database, "keyed", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, NULL, NULL, NULL,
                                    NULL) == SQLITE_OK);
    MUST(key.ptr == NULL && live_in(3) == 0);
    for (int i = 0; i < 32; i++)
        MUST(was[i] == 0);
    printf("a key in secret memory: used for %d rows, given back by SQLite's destructor, zero\n", ROWS);
}

static void kept_promise(double plain)
{
    sqlite_heap = heap_with_quota(64 * MIB, "sqlite");
    start(sqlite_memory(false), &sqlite_pages);
    double begin = milliseconds();
    sqlite3 *database = filled();
    double time = milliseconds() - begin;
    size_t promised = live_in(1), together = charged(sqlite_heap), words = ca_audit_nocaps(NULL, NULL);
    printf("a page cache of our own: %zu of %zu KiB promised to hold no pointers (%zu %%), and %zu words do\n",
           promised / 1024, together / 1024, promised * 100 / together, words);
    printf("time %.0f ms, SQLite as it comes %.0f ms\n", time, plain);
    MUST(words == 0 && promised > together / 2);
    run(database, "PRAGMA cache_size = 10");
    MUST(number(database, "SELECT sum(length(text)) FROM words") > ROWS);
    MUST(live_in(1) < promised / 4); /* a smaller cache gives pages back */
    key_in_secret_memory(database);
    sqlite3_close(database);
    sqlite3_shutdown();
    MUST(charged(sqlite_heap) == 0);
    MUST(ca_heap_destroy(sqlite_heap) == CA_OK);
}

static void out_of_quota(void)
{
    sqlite_heap = heap_with_quota(6 * MIB, "small");
    start(sqlite_memory(false), &sqlite_pages);
    sqlite3 *database = filled();
    run(database, "ATTACH ':memory:' AS other; CREATE TABLE other.big(x)");
    int code, rows = 0;
    while ((code = sqlite3_exec(database, "INSERT INTO other.big VALUES(randomblob(3000))", NULL, NULL, NULL)) ==
           SQLITE_OK)
        rows++;
    MUST(code == SQLITE_NOMEM);
    MUST(charged(sqlite_heap) <= 6 * MIB);
    MUST(sqlite3_exec(database, "SELECT length(randomblob(8000000))", NULL, NULL, NULL) == SQLITE_NOMEM);
    run(database, "DETACH other");
    MUST(number(database, "SELECT count(*) FROM words") == ROWS);
    MUST(number(database, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") == 1);
    printf("out of quota after %d blobs is SQLITE_NOMEM; all %d rows are there, the database is whole\n", rows, ROWS);
    sqlite3_close(database);
    sqlite3_shutdown();
    MUST(charged(sqlite_heap) == 0);
    MUST(ca_heap_destroy(sqlite_heap) == CA_OK);
}

/* Wherever the quota ends, SQLite says so and gives back all that it had. */
static void every_quota(void)
{
    int refused = 0, done = 0;
    for (size_t quota = MIB / 16; quota < MIB / 2; quota += 1500) {
        sqlite3 *database;
        sqlite_heap = heap_with_quota(quota, "some");
        start(sqlite_memory(false), &sqlite_pages);
        int code = sqlite3_open(":memory:", &database);
        if (code == SQLITE_OK)
            code = sqlite3_exec(database,
                                "CREATE TABLE t(x); CREATE INDEX i ON t(x);"
                                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
                                "INSERT INTO t SELECT printf('%d of many words', i * 7919 % 2003) FROM n",
                                NULL, NULL, NULL);
        MUST(code == SQLITE_OK || code == SQLITE_NOMEM);
        refused += code == SQLITE_NOMEM;
        done += code == SQLITE_OK;
        sqlite3_close(database);
        sqlite3_shutdown();
        MUST(charged(sqlite_heap) == 0);
        MUST(ca_heap_destroy(sqlite_heap) == CA_OK);
    }
    MUST(refused > 50 && done > 20);
    printf("of %d quotas %d were too small, each was SQLITE_NOMEM, and nothing was lost\n", refused + done, refused);
}

int main(int argc, char **argv)
{
    snprintf(path, sizeof path, "%s/hooks_sqlite.db", argc > 1 ? argv[1] : ".");
    printf("SQLite %s\n", sqlite3_libversion());
    double plain = as_it_comes();
    naive_promise();
    kept_promise(plain);
    out_of_quota();
    every_quota();
    unlink(path);
    return 0;
}
