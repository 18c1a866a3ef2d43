/* The door of this room, and of those below it: what the layers above call. Its functions in the order in which a
 * reader meets them: allocation, giving back, resizing, authorities, life, housekeeping, statistics.
 */
#ifndef CAI_HEAPS_HEAPS_H
#define CAI_HEAPS_HEAPS_H

#include "blocks/claimed.h"
#include "blocks/clear.h"
#include "blocks/exact.h"
#include "blocks/fence.h"
#include "blocks/find.h"
#include "blocks/large.h"
#include "blocks/stamped.h"
#include "blocks/touched.h"
#include "heaps/account.h"
#include "heaps/allocate.h"
#include "heaps/allocate_for.h"
#include "heaps/authority.h"
#include "heaps/charge.h"
#include "heaps/claim.h"
#include "heaps/free.h"
#include "heaps/guarded.h"
#include "heaps/hardened.h"
#include "heaps/housekeeping.h"
#include "heaps/life.h"
#include "heaps/nothing.h"
#include "heaps/page.h"
#include "heaps/quarantine.h"
#include "heaps/reap.h"
#include "heaps/resize.h"
#include "heaps/sample.h"
#include "heaps/stats.h"
#include "heaps/told.h"
#include "heaps/walk.h"
#include "heaps/words.h"
#include "pages/meta.h"
#include "pages/policy.h"

#endif
