// Both halves of the base protocol.
#pragma once

#include "models/tlm/initiator_port.h"
#include "models/tlm/target_port.h"
