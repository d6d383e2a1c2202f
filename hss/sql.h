// SPDX-License-Identifier: Apache-2.0
// The HSS's schema (TS 23.008 3.1, TS 29.228 annex B; the migrations) and every statement on it.
#pragma once

#include <stddef.h>

enum hss_sql {
    SQL_FACTS_IMPI,        // impi, impu or NULL -> struct hss_facts; no row: no such IMPI
    SQL_FACTS_IMPU,        // impu -> struct hss_facts; no row: no such IMPU
    SQL_FACTS_WILDCARD,    // impu -> those of each wildcarded identity whose fixed parts it has, the longest
                           // first, and the identity
    SQL_REGISTRATIONS,     // set -> impi id, state, pending, stale
    SQL_STALE_SUBSCRIPTION,// subscription: its S-CSCF's profiles are old
    SQL_STALE_PROFILE,     // service profile's name
    SQL_STALE_SET,         // set
    SQL_FRESH,             // set: they have been sent
    SQL_SET_OPEN,          // set -> 1 when an IMPU of it is not barred
    SQL_AUTH,              // impi id -> scheme, secret, amf, realm, algorithm, sqn
    SQL_SQN_UPDATE,        // impi id, sqn
    SQL_SCSCF_UPDATE,      // subscription, name; no other is asked for any more
    SQL_SCSCF_REASSIGN,    // subscription: another one is asked for
    SQL_SCSCF_RELEASE,     // subscription: forget the name when nothing is left registered
    SQL_REGISTRATION_PUT,  // set, impi, state, pending
    SQL_REGISTRATION_DROP, // set, impi
    SQL_REGISTRATION_CLEAR,// set
    SQL_PENDING_CLEAR,     // set, impi
    SQL_RESTORATION_PUT,   // set, impi, value; the registration is there
    SQL_RESTORATION_DROP,  // set, impi
    SQL_RESTORATIONS,      // set -> impi id, impi, value
    SQL_RESTORATION_TOTAL, // -> number, bytes
    SQL_REGISTERED_IMPIS,  // set -> impi
    SQL_SETS_OF_IMPI,      // impi id -> set
    SQL_IMPIS_OF_SUBSCRIPTION,
    SQL_IMPI_OF_SET,       // set -> impi, one of those that have it
    SQL_PROFILE_IMPUS,     // set -> impu, barred, display name, profile, service xml, alias group
    SQL_CHARGING,          // subscription -> four addresses
    SQL_META_GET,
    SQL_META_PUT,
    SQL_META_SET,
    SQL_SUBSCRIPTION_ADD,
    SQL_SUBSCRIPTION_SET,  // subscription, column values
    SQL_SUBSCRIPTION_DROP, // subscription
    SQL_IMPI_ADD,
    SQL_IMPI_FIND,
    SQL_IMPI_DROP,
    SQL_IMPI_AUTH_SET,
    SQL_SQN_ADD,
    SQL_SET_ADD,
    SQL_IMPU_ADD,
    SQL_WILDCARD_ADD,      // impu id, head, tail
    SQL_WILDCARD_FIND,     // head, tail -> impu
    SQL_WILDCARD_ANY,      // -> a row when there is any pattern
    SQL_INSIDE,            // head, subscription, tail -> distinct impus of others that begin and end so, the first
                           // thousand; of the first hundred thousand that begin so
    SQL_NUMBER_FIND,       // number, subscription, impu -> another impu of another one that may mean it
    SQL_SHARERS,           // impi -> id, impi of the others of its subscription, each with its sets and their impus
    SQL_SETS_DROP,         // subscription: its implicit sets with all that is in them
    SQL_IMPI_MOVE,         // impi id, subscription
    SQL_LINK_PUT,          // impi, set; there already: nothing
    SQL_IMPU_FIND,         // impu -> set, subscription
    SQL_IMPU_AFTER,        // id -> id, set, subscription, impu, number of the next thousand
    SQL_IMPU_RENEW,        // id, impu, number
    SQL_IMPUS_DROP,        // set
    SQL_IMPUS_DRESS,       // set, display name, profile
    SQL_LINK_ADD,          // impi, set
    SQL_PROFILE_FIND,
    SQL_PROFILE_PUT,
    SQL_PROFILE_DROP,
    SQL_PROFILE_LIST,
    SQL_LIST,              // after, limit -> subscribers
    SQL_SHOW,              // impi
    SQL_SHOW_IMPUS,        // impi
    SQL_SHOW_RESTORATION,  // impi -> set, value
    SQL_FIND_BY_IMPU,      // impu -> impi
    SQL_FIND_BY_USER,      // two texts that enclose sip:user@ -> impi
    SQL_SET_OWNER,         // set -> id of the first IMPI that has it
    SQL_EXPORT,            // after this IMPI, limit -> IMPIs in the order they were made
    SQL_PROFILE_TEXTS,     // name, service xml
    SQL_COUNT,
};

extern const char *const hss_sql[];
extern const size_t hss_sql_count;
extern const char *const hss_migrations[];
extern const size_t hss_migration_count;
