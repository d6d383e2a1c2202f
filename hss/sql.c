// SPDX-License-Identifier: Apache-2.0
#include "hss/sql.h"

// One IMS subscription has IMPIs and implicit registration sets of IMPUs; impi_set says which IMPI
// may use which set. sqn is a table of its own because it is what a MAR writes: narrow rows, few
// pages. registration.impi_id is 0 for a set that is unregistered (a profile is kept in an S-CSCF).
static const char schema_1[] =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB) STRICT, WITHOUT ROWID;"
    "CREATE TABLE service_profile("
    " id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " service_xml TEXT NOT NULL DEFAULT '',"
    " unregistered INTEGER NOT NULL DEFAULT 0) STRICT;"
    "INSERT INTO service_profile(id, name) VALUES(1, 'default');"
    "CREATE TABLE subscription("
    " id INTEGER PRIMARY KEY, scscf_name TEXT,"
    " visited TEXT NOT NULL DEFAULT '*',"
    " registration INTEGER NOT NULL DEFAULT 1,"
    " mandatory TEXT NOT NULL DEFAULT '', optional TEXT NOT NULL DEFAULT '',"
    " servers TEXT NOT NULL DEFAULT '',"
    " ccf TEXT NOT NULL DEFAULT '', ecf TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE TABLE impi("
    " id INTEGER PRIMARY KEY,"
    " subscription_id INTEGER NOT NULL REFERENCES subscription(id) ON DELETE CASCADE,"
    " impi TEXT NOT NULL UNIQUE, scheme INTEGER NOT NULL, secret BLOB NOT NULL,"
    " amf INTEGER NOT NULL, realm TEXT NOT NULL, algorithm TEXT NOT NULL) STRICT;"
    "CREATE INDEX impi_by_subscription ON impi(subscription_id);"
    "CREATE TABLE sqn(impi_id INTEGER PRIMARY KEY REFERENCES impi(id) ON DELETE CASCADE,"
    " sqn INTEGER NOT NULL) STRICT;"
    "CREATE TABLE implicit_set("
    " id INTEGER PRIMARY KEY,"
    " subscription_id INTEGER NOT NULL REFERENCES subscription(id) ON DELETE CASCADE) STRICT;"
    "CREATE INDEX set_by_subscription ON implicit_set(subscription_id);"
    "CREATE TABLE impu("
    " id INTEGER PRIMARY KEY,"
    " set_id INTEGER NOT NULL REFERENCES implicit_set(id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL, impu TEXT NOT NULL UNIQUE, barred INTEGER NOT NULL,"
    " display_name TEXT,"
    " profile_id INTEGER NOT NULL REFERENCES service_profile(id)) STRICT;"
    "CREATE INDEX impu_by_set ON impu(set_id, position);"
    "CREATE INDEX impu_by_profile ON impu(profile_id);"
    "CREATE TABLE impi_set("
    " impi_id INTEGER NOT NULL REFERENCES impi(id) ON DELETE CASCADE,"
    " set_id INTEGER NOT NULL REFERENCES implicit_set(id) ON DELETE CASCADE,"
    " PRIMARY KEY(impi_id, set_id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX impi_set_by_set ON impi_set(set_id);"
    "CREATE TABLE registration("
    " set_id INTEGER NOT NULL REFERENCES implicit_set(id) ON DELETE CASCADE,"
    " impi_id INTEGER NOT NULL, state INTEGER NOT NULL, pending INTEGER NOT NULL,"
    " PRIMARY KEY(set_id, impi_id)) STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER impi_gone AFTER DELETE ON impi BEGIN"
    " DELETE FROM registration WHERE impi_id = old.id; END;";

// What an S-CSCF holds of the set is no longer what is provisioned.
static const char schema_2[] = "ALTER TABLE registration ADD COLUMN stale INTEGER NOT NULL DEFAULT 0;";

// Alias groups (TS 29.228 annex E), the telephone number that an identity may mean (ims/impu.h), and wildcarded
// identities by their fixed parts: of two with the same ones nobody could say which counts.
static const char schema_3[] =
    "ALTER TABLE impu ADD COLUMN alias TEXT;"
    "ALTER TABLE impu ADD COLUMN number TEXT;"
    "CREATE INDEX impu_by_number ON impu(number) WHERE number IS NOT NULL;"
    "CREATE TABLE wildcard("
    " impu_id INTEGER PRIMARY KEY REFERENCES impu(id) ON DELETE CASCADE,"
    " head TEXT NOT NULL, tail TEXT NOT NULL, UNIQUE(head, tail)) STRICT;";

// What an S-CSCF left of a registration (restoration.c) goes with the registration; restoration_total is what metrics
// tell, so that nobody counts rows. subscription.reassign: an I-CSCF has asked for another S-CSCF (TS 23.380 4).
static const char schema_4[] =
    "ALTER TABLE subscription ADD COLUMN reassign INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE restoration("
    " set_id INTEGER NOT NULL, impi_id INTEGER NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY(set_id, impi_id),"
    " FOREIGN KEY(set_id, impi_id) REFERENCES registration(set_id, impi_id) ON DELETE CASCADE)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE restoration_total(id INTEGER PRIMARY KEY, n INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;"
    "INSERT INTO restoration_total(id, n, bytes) VALUES(1, 0, 0);"
    "CREATE TRIGGER restoration_more AFTER INSERT ON restoration BEGIN"
    " UPDATE restoration_total SET n = n + 1, bytes = bytes + length(new.value); END;"
    "CREATE TRIGGER restoration_other AFTER UPDATE ON restoration BEGIN"
    " UPDATE restoration_total SET bytes = bytes + length(new.value) - length(old.value); END;"
    "CREATE TRIGGER restoration_less AFTER DELETE ON restoration BEGIN"
    " UPDATE restoration_total SET n = n - 1, bytes = bytes - length(old.value); END;";

const char *const hss_migrations[] = {schema_1, schema_2, schema_3, schema_4};
const size_t hss_migration_count = sizeof(hss_migrations) / sizeof(*hss_migrations);

const char *const hss_sql[] = {
    [SQL_FACTS_IMPI] = "SELECT i.id, u.id, u.set_id, u.barred,"
                       " EXISTS(SELECT 1 FROM impi_set a WHERE a.impi_id = i.id AND a.set_id = u.set_id),"
                       " s.id, s.scscf_name, s.visited, s.registration, s.mandatory, s.optional, s.servers, 0,"
                       " s.reassign FROM impi i JOIN subscription s ON s.id = i.subscription_id"
                       " LEFT JOIN impu u ON u.impu = ?2 WHERE i.impi = ?1",
    [SQL_FACTS_IMPU] = "SELECT 0, u.id, u.set_id, u.barred, 0,"
                       " s.id, s.scscf_name, s.visited, s.registration, s.mandatory, s.optional, s.servers,"
                       " p.unregistered, s.reassign FROM impu u JOIN implicit_set t ON t.id = u.set_id"
                       " JOIN subscription s ON s.id = t.subscription_id"
                       " JOIN service_profile p ON p.id = u.profile_id WHERE u.impu = ?1",
    [SQL_FACTS_WILDCARD] = "WITH RECURSIVE prefix(n) AS (SELECT length(?1) WHERE EXISTS(SELECT 1 FROM wildcard)"
                           " UNION ALL SELECT n - 1 FROM prefix WHERE n > 4)"
                           " SELECT 0, u.id, u.set_id, u.barred, 0,"
                           " s.id, s.scscf_name, s.visited, s.registration, s.mandatory, s.optional, s.servers,"
                           " p.unregistered, s.reassign, u.impu"
                           " FROM prefix CROSS JOIN wildcard w ON w.head = substr(?1, 1, prefix.n)"
                           " JOIN impu u ON u.id = w.impu_id JOIN implicit_set t ON t.id = u.set_id"
                           " JOIN subscription s ON s.id = t.subscription_id"
                           " JOIN service_profile p ON p.id = u.profile_id"
                           " WHERE length(w.head) + length(w.tail) <= length(?1)"
                           " AND substr(?1, length(?1) - length(w.tail) + 1) = w.tail"
                           " ORDER BY length(w.head) + length(w.tail) DESC, length(w.head) DESC",
    [SQL_REGISTRATIONS] = "SELECT impi_id, state, pending, stale FROM registration WHERE set_id = ?1",
    [SQL_STALE_SUBSCRIPTION] = "UPDATE registration SET stale = 1 WHERE set_id IN"
                               " (SELECT id FROM implicit_set WHERE subscription_id = ?1)",
    [SQL_STALE_PROFILE] = "UPDATE registration SET stale = 1 WHERE set_id IN"
                          " (SELECT u.set_id FROM impu u JOIN service_profile p ON p.id = u.profile_id"
                          " WHERE p.name = ?1)",
    [SQL_STALE_SET] = "UPDATE registration SET stale = 1 WHERE set_id = ?1",
    [SQL_FRESH] = "UPDATE registration SET stale = 0 WHERE set_id = ?1",
    [SQL_SET_OPEN] = "SELECT 1 FROM impu WHERE set_id = ?1 AND barred = 0 LIMIT 1",
    [SQL_AUTH] = "SELECT i.scheme, i.secret, i.amf, i.realm, i.algorithm, q.sqn"
                 " FROM impi i JOIN sqn q ON q.impi_id = i.id WHERE i.id = ?1",
    [SQL_SQN_UPDATE] = "UPDATE sqn SET sqn = ?2 WHERE impi_id = ?1",
    [SQL_SCSCF_UPDATE] = "UPDATE subscription SET scscf_name = ?2, reassign = 0 WHERE id = ?1",
    [SQL_SCSCF_REASSIGN] = "UPDATE subscription SET reassign = 1 WHERE id = ?1",
    [SQL_SCSCF_RELEASE] = "UPDATE subscription SET scscf_name = NULL, reassign = 0 WHERE id = ?1 AND NOT EXISTS("
                          "SELECT 1 FROM implicit_set t JOIN registration r ON r.set_id = t.id"
                          " WHERE t.subscription_id = ?1)",
    [SQL_REGISTRATION_PUT] = "INSERT INTO registration(set_id, impi_id, state, pending) VALUES(?1, ?2, ?3, ?4)"
                             " ON CONFLICT DO UPDATE SET state = excluded.state, pending = excluded.pending",
    [SQL_REGISTRATION_DROP] = "DELETE FROM registration WHERE set_id = ?1 AND impi_id = ?2",
    [SQL_REGISTRATION_CLEAR] = "DELETE FROM registration WHERE set_id = ?1",
    [SQL_PENDING_CLEAR] = "UPDATE registration SET pending = 0 WHERE set_id = ?1 AND impi_id = ?2",
    [SQL_RESTORATION_PUT] = "INSERT INTO restoration(set_id, impi_id, value) VALUES(?1, ?2, ?3)"
                            " ON CONFLICT DO UPDATE SET value = excluded.value",
    [SQL_RESTORATION_DROP] = "DELETE FROM restoration WHERE set_id = ?1 AND impi_id = ?2",
    [SQL_RESTORATIONS] = "SELECT r.impi_id, i.impi, r.value FROM restoration r JOIN impi i ON i.id = r.impi_id"
                         " WHERE r.set_id = ?1 ORDER BY r.impi_id",
    [SQL_RESTORATION_TOTAL] = "SELECT n, bytes FROM restoration_total",
    [SQL_REGISTERED_IMPIS] = "SELECT i.impi FROM registration r JOIN impi i ON i.id = r.impi_id"
                             " WHERE r.set_id = ?1 AND r.state = 1 ORDER BY i.id",
    [SQL_SETS_OF_IMPI] = "SELECT set_id FROM impi_set WHERE impi_id = ?1 ORDER BY set_id",
    [SQL_IMPIS_OF_SUBSCRIPTION] = "SELECT impi FROM impi WHERE subscription_id = ?1 ORDER BY id",
    [SQL_IMPI_OF_SET] = "SELECT i.impi FROM impi_set a JOIN impi i ON i.id = a.impi_id"
                        " WHERE a.set_id = ?1 ORDER BY i.id LIMIT 1",
    [SQL_PROFILE_IMPUS] = "SELECT u.impu, u.barred, u.display_name, u.profile_id, p.service_xml, u.alias"
                          " FROM impu u JOIN service_profile p ON p.id = u.profile_id WHERE u.set_id = ?1"
                          " ORDER BY u.position",
    [SQL_CHARGING] = "SELECT ccf, ecf FROM subscription WHERE id = ?1",
    [SQL_META_GET] = "SELECT value FROM meta WHERE name = ?1",
    [SQL_META_PUT] = "INSERT INTO meta(name, value) VALUES(?1, ?2)",
    [SQL_META_SET] = "INSERT INTO meta(name, value) VALUES(?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
    [SQL_SUBSCRIPTION_ADD] = "INSERT INTO subscription(visited, registration, mandatory, optional, servers, ccf, ecf)"
                             " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_SUBSCRIPTION_SET] = "UPDATE subscription SET visited = coalesce(?2, visited),"
                             " registration = coalesce(?3, registration), mandatory = coalesce(?4, mandatory),"
                             " optional = coalesce(?5, optional), servers = coalesce(?6, servers),"
                             " ccf = coalesce(?7, ccf), ecf = coalesce(?8, ecf) WHERE id = ?1",
    [SQL_SUBSCRIPTION_DROP] = "DELETE FROM subscription WHERE id = ?1"
                              " AND NOT EXISTS(SELECT 1 FROM impi WHERE subscription_id = ?1)",
    [SQL_IMPI_ADD] = "INSERT INTO impi(subscription_id, impi, scheme, secret, amf, realm, algorithm)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_IMPI_FIND] = "SELECT id, subscription_id FROM impi WHERE impi = ?1",
    [SQL_IMPI_DROP] = "DELETE FROM impi WHERE id = ?1",
    [SQL_IMPI_AUTH_SET] = "UPDATE impi SET scheme = ?2, secret = ?3, amf = ?4, realm = ?5, algorithm = ?6"
                          " WHERE id = ?1",
    [SQL_SQN_ADD] = "INSERT INTO sqn(impi_id, sqn) VALUES(?1, ?2)",
    [SQL_SET_ADD] = "INSERT INTO implicit_set(subscription_id) VALUES(?1)",
    [SQL_IMPU_ADD] = "INSERT INTO impu(set_id, position, impu, barred, display_name, profile_id, alias, number)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_WILDCARD_ADD] = "INSERT INTO wildcard(impu_id, head, tail) VALUES(?1, ?2, ?3)",
    [SQL_WILDCARD_FIND] = "SELECT u.impu FROM wildcard w JOIN impu u ON u.id = w.impu_id"
                          " WHERE w.head = ?1 AND w.tail = ?2",
    [SQL_WILDCARD_ANY] = "SELECT 1 FROM wildcard LIMIT 1",
    [SQL_INSIDE] = "SELECT u.impu FROM (SELECT id, set_id, impu FROM impu"
                   " WHERE impu >= ?1 AND impu < ?1 || char(1114111) ORDER BY impu LIMIT 100000) u"
                   " JOIN implicit_set t ON t.id = u.set_id"
                   " WHERE length(u.impu) >= length(?1) + length(?3)"
                   " AND substr(u.impu, length(u.impu) - length(?3) + 1) = ?3 AND t.subscription_id <> ?2"
                   " AND NOT EXISTS(SELECT 1 FROM wildcard w WHERE w.impu_id = u.id) LIMIT 1000",
    [SQL_NUMBER_FIND] = "SELECT u.impu FROM impu u JOIN implicit_set t ON t.id = u.set_id"
                        " WHERE u.number = ?1 AND t.subscription_id <> ?2 AND u.impu <> ?3 LIMIT 1",
    [SQL_SHARERS] = "SELECT i.id, i.impi, a.set_id, u.impu FROM impi me"
                    " JOIN impi i ON i.subscription_id = me.subscription_id AND i.id <> me.id"
                    " JOIN impi_set a ON a.impi_id = i.id JOIN impu u ON u.set_id = a.set_id"
                    " WHERE me.impi = ?1 ORDER BY i.id, a.set_id, u.position",
    [SQL_SETS_DROP] = "DELETE FROM implicit_set WHERE subscription_id = ?1",
    [SQL_IMPI_MOVE] = "UPDATE impi SET subscription_id = ?2 WHERE id = ?1",
    [SQL_LINK_PUT] = "INSERT OR IGNORE INTO impi_set(impi_id, set_id) VALUES(?1, ?2)",
    [SQL_IMPU_FIND] = "SELECT u.set_id, t.subscription_id FROM impu u"
                      " JOIN implicit_set t ON t.id = u.set_id WHERE u.impu = ?1",
    [SQL_IMPU_AFTER] = "SELECT u.id, u.set_id, t.subscription_id, u.impu, u.number FROM impu u"
                       " JOIN implicit_set t ON t.id = u.set_id WHERE u.id > ?1 ORDER BY u.id LIMIT 1000",
    [SQL_IMPU_RENEW] = "UPDATE impu SET impu = ?2, number = ?3 WHERE id = ?1",
    [SQL_IMPUS_DROP] = "DELETE FROM impu WHERE set_id = ?1",
    [SQL_IMPUS_DRESS] = "UPDATE impu SET display_name = coalesce(?2, display_name),"
                        " profile_id = coalesce(?3, profile_id) WHERE set_id = ?1",
    [SQL_LINK_ADD] = "INSERT INTO impi_set(impi_id, set_id) VALUES(?1, ?2)",
    [SQL_PROFILE_FIND] = "SELECT id, service_xml, unregistered FROM service_profile WHERE name = ?1",
    [SQL_PROFILE_PUT] = "INSERT INTO service_profile(name, service_xml, unregistered) VALUES(?1, ?2, ?3)"
                        " ON CONFLICT(name) DO UPDATE SET service_xml = excluded.service_xml,"
                        " unregistered = excluded.unregistered",
    [SQL_PROFILE_DROP] = "DELETE FROM service_profile WHERE name = ?1 AND id <> 1",
    [SQL_PROFILE_LIST] = "SELECT name, length(service_xml), unregistered,"
                         " (SELECT count(*) FROM impu WHERE profile_id = p.id)"
                         " FROM service_profile p ORDER BY name",
    [SQL_LIST] = "SELECT impi, scheme, (SELECT u.impu FROM impi_set a JOIN impu u"
                 " ON u.set_id = a.set_id WHERE a.impi_id = i.id AND u.barred = 0"
                 " ORDER BY a.set_id, u.position LIMIT 1),"
                 " (SELECT count(*) FROM registration r WHERE r.impi_id = i.id AND r.state = 1)"
                 " FROM impi i WHERE impi > ?1 ORDER BY impi LIMIT ?2",
    [SQL_SHOW] = "SELECT i.id, i.impi, i.scheme, i.amf, i.realm, i.algorithm, q.sqn, s.scscf_name,"
                 " s.visited, s.registration, s.mandatory, s.optional, s.servers, s.ccf, s.ecf"
                 " FROM impi i JOIN sqn q ON q.impi_id = i.id"
                 " JOIN subscription s ON s.id = i.subscription_id WHERE i.impi = ?1",
    [SQL_SHOW_IMPUS] = "SELECT u.set_id, u.impu, u.barred, u.display_name, p.name,"
                       " coalesce((SELECT max(state) FROM registration r WHERE r.set_id = u.set_id), 0),"
                       " coalesce((SELECT max(pending) FROM registration r WHERE r.set_id = u.set_id), 0), u.alias"
                       " FROM impi i JOIN impi_set a ON a.impi_id = i.id JOIN impu u ON u.set_id = a.set_id"
                       " JOIN service_profile p ON p.id = u.profile_id WHERE i.impi = ?1"
                       " ORDER BY u.set_id, u.position",
    [SQL_SHOW_RESTORATION] =
        "SELECT r.set_id, r.value FROM impi i JOIN impi_set a ON a.impi_id = i.id"
        " JOIN restoration r ON r.set_id = a.set_id AND r.impi_id = i.id WHERE i.impi = ?1 ORDER BY r.set_id",
    [SQL_FIND_BY_IMPU] = "SELECT i.impi FROM impu u JOIN impi_set a ON a.set_id = u.set_id"
                         " JOIN impi i ON i.id = a.impi_id WHERE u.impu = ?1 ORDER BY i.id LIMIT 1",
    [SQL_FIND_BY_USER] = "SELECT i.impi FROM impu u JOIN impi_set a ON a.set_id = u.set_id"
                         " JOIN impi i ON i.id = a.impi_id WHERE u.impu >= ?1 AND u.impu < ?2"
                         " ORDER BY i.id LIMIT 1",
    [SQL_SET_OWNER] = "SELECT min(impi_id) FROM impi_set WHERE set_id = ?1",
    [SQL_EXPORT] = "SELECT impi FROM impi WHERE id > coalesce((SELECT id FROM impi WHERE impi = ?1), 0)"
                   " ORDER BY id LIMIT ?2",
    [SQL_PROFILE_TEXTS] = "SELECT name, service_xml FROM service_profile ORDER BY name",
};
const size_t hss_sql_count = SQL_COUNT;
