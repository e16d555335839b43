// All of libcompactor that an actor needs.
#pragma once

#include "compactor/context.h"
#include "compactor/error.h"
#include "compactor/http.h"
#include "compactor/message.h"
#include "compactor/pid.h"
#include "compactor/process.h"
#include "compactor/protobuf_process.h"
#include "compactor/tls.h"
