-- SPDX-License-Identifier: Apache-2.0
-- Tables that the I-CSCF reads its S-CSCFs from; versions as its module expects them.
CREATE TABLE version (id INTEGER PRIMARY KEY, table_name VARCHAR(32), table_version INTEGER);
CREATE TABLE nds_trusted_domains (id INTEGER PRIMARY KEY, trusted_domain VARCHAR(83));
CREATE TABLE s_cscf (id INTEGER PRIMARY KEY, name VARCHAR(83), s_cscf_uri VARCHAR(83));
CREATE TABLE s_cscf_capabilities (id INTEGER PRIMARY KEY, id_s_cscf INTEGER, capability INTEGER);
INSERT INTO version (table_name, table_version) VALUES
    ('nds_trusted_domains', 1), ('s_cscf', 1), ('s_cscf_capabilities', 1);
INSERT INTO nds_trusted_domains (trusted_domain) VALUES ('@DOMAIN@');
INSERT INTO s_cscf (id, name, s_cscf_uri) VALUES (1, 'first', 'sip:@NET@30:5060');
INSERT INTO s_cscf_capabilities (id_s_cscf, capability) VALUES (1, 0);
