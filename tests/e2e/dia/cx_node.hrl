%% SPDX-License-Identifier: Apache-2.0
%% The records of diameter.hrl that a callback sees; Debian ships erlang-diameter without it.
-record(diameter_packet, {header, avps, msg, bin, errors = [], transport_data}).
-record(diameter_caps, {origin_host, origin_realm, host_ip_address = [], vendor_id, product_name,
                        origin_state_id = [], supported_vendor_id = [], auth_application_id = [],
                        inband_security_id = [], acct_application_id = [],
                        vendor_specific_application_id = [], firmware_revision = [], avp = []}).
