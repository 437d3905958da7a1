/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages of VPP's classic root region for a client's own use. VPP maps the region whole and uses a
 * small part; which pages are taken is a bitmap under the region's mutex. Pages reserved there are
 * memory that VPP can read and will not touch.
 *
 * The mutex is process-shared and NOT robust, and VPP takes it at start and exit: it is held for the
 * scan of one bitmap and until the pages exist, with every signal blocked, and nothing is waited for under
 * it.
 *
 * Each reserved run begins with a header that says whose it is, so that pages of killed processes can
 * be found and given back: not before their owner has been dead for longer than VPP takes to forget
 * a client (it would otherwise write into somebody else's pages). That time begins when somebody finds
 * them whom VPP has just answered: while VPP is stopped, in a debugger say, it forgets nobody.
 */
#ifndef VAPI_CORE_PAGE_CARVE_H
#define VAPI_CORE_PAGE_CARVE_H

#include "region.h"

/** Bytes at the start of a run that belong to its header. */
#define CARVE_HEADER_BYTES 64u
/** VPP notices a dead client after at most three scans, ten seconds each, and was seen to take 130 s. */
#define CARVE_QUARANTINE_S 150u
/** What is used; tests have no such time. */
extern u64 page_carve_quarantine_s;

/** Reserves a run; NULL with a reason when there is no room or the mutex is not to be had. The first
 * CARVE_HEADER_BYTES are filled in, the rest may hold anything. */
void *page_carve(const region_t *root, u32 pages, deadline_t deadline, error_rec_t *error);

/** Gives a run back. `quarantine`: VPP may still use it (it did not say goodbye): it stays reserved
 * as that of a dead process. */
void page_uncarve(const region_t *root, void *run, bool quarantine, deadline_t deadline);

/** Gives back what dead processes left and what is out of quarantine; how many pages. Called by
 * whoever connects, when VPP has answered it. `overlay` (the API region, which lies inside the root's addresses but in a file of
 * its own) is left out: to look at its pages in the root's file would only make them exist. */
u32 page_carve_reclaim(const region_t *root, const region_t *overlay, deadline_t deadline);

/** Pages that are neither VPP's nor anybody's; for tests and diagnostics. */
u32 page_carve_free_pages(const region_t *root, deadline_t deadline);

#endif
