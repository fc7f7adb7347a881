// Who walks the stack of a fiber comes to its end and no further. Compiled with frame pointers.
#define BOOST_TEST_MODULE fiber_unwinding
#include <crocus/fiber.hpp>

#include <array>
#include <vector>

#include <execinfo.h>
#include <boost/test/unit_test.hpp>
#include <crocus/generator.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "support/code_ranges.hpp"
#include "support/flow.hpp"

namespace {

using crocus::generator;
using crocus::test::code_ranges;
using crocus::test::flow;

std::vector<void*> frames() {
    std::vector<void*> found(200);
    found.resize(static_cast<std::size_t>(::backtrace(found.data(), static_cast<int>(found.size()))));
    return found;
}

/// A return address without the signature that AArch64 may put on it.
void* unsigned_address(void* address) {
#ifdef __aarch64__
    register void* a asm("x30") = address;
    asm volatile("hint #7" : "+r"(a));  // xpaclri
    return a;
#else
    return address;
#endif
}

/// Frame by frame, by frame pointers alone; empty if the chain leaves the stack.
[[gnu::noinline]] std::vector<void*> frames_by_frame_pointers(const crocus::stack& on) {
    std::vector<void*> found;
    for (auto* frame = static_cast<void**>(__builtin_frame_address(0)); frame != nullptr;
         frame = static_cast<void**>(frame[0])) {
        if (frame < on.bottom() || frame >= on.top()) return {};
        found.push_back(unsigned_address(frame[1]));
    }
    return found;
}

/// f() at the bottom of `depth` frames.
template <class F>
[[gnu::noinline]] void deep(int depth, const F& f) {
    if (depth == 0)
        f();
    else
        deep(depth - 1, f);
    asm volatile("");  // no tail call
}

bool all_code(const std::vector<void*>& found) {
    const code_ranges code;
    for (void* address : found)
        if (!code.has(address)) return false;
    return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(backtrace_ends_at_a_fibers_entry) {
    std::array<std::vector<void*>, 3> found;
    for (int depth = 0; depth != 3; ++depth)
        flow([&](flow&) { deep(depth * 10, [&] { found[static_cast<std::size_t>(depth)] = frames(); }); }).enter();
    BOOST_TEST(all_code(found[2]));
    BOOST_TEST(found[1].size() == found[0].size() + 10);
    BOOST_TEST(found[2].size() == found[0].size() + 20);
    BOOST_TEST(found[0].back() == found[2].back());
    BOOST_TEST(found[0].size() < 16);
}

BOOST_AUTO_TEST_CASE(backtrace_ends_at_a_generators_entry) {
    std::vector<void*> found;
    generator<int> g = [&](auto& yield) {
        deep(10, [&] { found = frames(); });
        yield(1);
    };
    g.next();
    BOOST_TEST(all_code(found));
    BOOST_TEST((found.size() > 12 && found.size() < 24));
}

BOOST_AUTO_TEST_CASE(a_walk_by_frame_pointers_ends_at_a_fibers_entry) {
    std::array<std::vector<void*>, 2> found;
    for (std::size_t i = 0; i != 2; ++i)
        flow([&](flow& self) {
            deep(static_cast<int>(i) * 10, [&] { found[i] = frames_by_frame_pointers(self.itself().on()); });
        }).enter();
    BOOST_TEST(found[0].size() > 2);
    BOOST_TEST(found[1].size() == found[0].size() + 10);
    if (!found[0].empty() && found[0].back() == nullptr) found[0].pop_back();  // the entry's own: it has no caller
    BOOST_TEST(all_code(found[0]));
}

BOOST_AUTO_TEST_CASE(a_walk_by_frame_pointers_ends_at_a_generators_entry) {
    std::vector<void*> found;
    generator<int> g = [&](auto& yield) {
        deep(10, [&] { found = frames_by_frame_pointers(crocus::fiber::current().on()); });
        yield(1);
    };
    g.next();
    BOOST_TEST((found.size() > 11 && found.size() < 24));
    if (!found.empty() && found.back() == nullptr) found.pop_back();
    BOOST_TEST(all_code(found));
}

BOOST_AUTO_TEST_CASE(walks_end_at_a_tasks_entry) {
    std::vector<void*> unwound, by_frame_pointers;
    crocus::run([&] {
        auto t = crocus::create_task([&] {
            crocus::yield_now();
            deep(10, [&] { unwound = frames(); });
            deep(10, [&] { by_frame_pointers = frames_by_frame_pointers(crocus::fiber::current().on()); });
        });
        t.get();
    });
    BOOST_TEST((unwound.size() > 12 && unwound.size() < 40));
    BOOST_TEST(all_code(unwound));
    BOOST_TEST((by_frame_pointers.size() > 11 && by_frame_pointers.size() < 40));
    if (!by_frame_pointers.empty() && by_frame_pointers.back() == nullptr) by_frame_pointers.pop_back();
    BOOST_TEST(all_code(by_frame_pointers));
}

// ------------------------------------------------------------------------------------------- of a fiber that was left

BOOST_AUTO_TEST_CASE(the_frames_of_a_fiber_that_was_left_can_be_found) {
    std::array<std::vector<void*>, 3> found;
    for (int i = 0; i != 3; ++i) {
        flow f([&](flow& self) { deep(i * 10, [&] { self.leave(); }); });
        f.enter();
        auto& frames = found[static_cast<std::size_t>(i)];
        frames.resize(200);
        frames.resize(f.itself().frames(frames));
        f.enter();  // unharmed
    }
    if (found[0].empty()) return;  // over Boost.Context
    BOOST_TEST(all_code(found[2]));
    BOOST_TEST(found[1].size() == found[0].size() + 10);
    BOOST_TEST(found[2].size() == found[0].size() + 20);
    BOOST_TEST(found[0].back() == found[2].back());
    BOOST_TEST(found[0].size() < 16);
}

BOOST_AUTO_TEST_CASE(the_frames_of_a_generator_that_was_left_can_be_found) {
    std::vector<void*> found(200), inside;
    const crocus::fiber* body = nullptr;
    generator<int> g = [&](auto& yield) {
        body = &crocus::fiber::current();
        deep(10, [&] {
            inside = frames();
            yield(1);
        });
    };
    g.next();
    found.resize(body->frames(found));
    if (found.empty()) return;  // over Boost.Context
    BOOST_TEST(all_code(found));
    BOOST_TEST((found.size() > 10 && found.size() < inside.size() + 4));
    BOOST_TEST(found.back() == inside.back());
}

BOOST_AUTO_TEST_CASE(only_as_many_frames_are_found_as_there_is_room_for) {
    flow f([&](flow& self) { deep(10, [&] { self.leave(); }); });
    f.enter();
    std::array<void*, 3> few{};
    const std::size_t count = f.itself().frames(few);
    BOOST_TEST((count == 3 || count == 0));
    BOOST_TEST(f.itself().frames({}) == 0U);
    f.enter();
}
