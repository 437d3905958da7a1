/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiled as C++20 only: a result set is a range as the standard library means it.
 */
#include <algorithm>
#include <ranges>
#include <vapi/demo.api.vapi.hpp>

using Set = vapi::Result_set<vapi_msg_demo_details>;
static_assert(std::ranges::random_access_range<const Set>);
static_assert(std::ranges::sized_range<const Set>);

u32 large_ones(const Set &set)
{
    auto is_large = [](const vapi::Demo_details &item) { return item.get_payload().count > 10; };
    return static_cast<u32>(std::ranges::distance(set | std::views::filter(is_large)));
}
