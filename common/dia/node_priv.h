// SPDX-License-Identifier: Apache-2.0
// The layers of a node.
#pragma once

#include "dia/node.h"

struct dia_node {
    struct dia_link_layer *link;
    struct dia_peer_layer *peers;
    struct dia_request_layer *requests;
};
