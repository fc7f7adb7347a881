#include <crocus/detail/inbox.hpp>

#include <crocus/detail/runnable.hpp>

namespace crocus::detail {

void inbox_types::discard(runnable* r) noexcept {
    while (r != nullptr) {
        runnable* const next = r->next;
        auto* const c = static_cast<callback*>(r);
        c->release();
        c->drop_owner();
        r = next;
    }
}

inbox::~inbox() { inbox_types::discard(protocol_.take()); }

bool inbox::post(counted<callback> c) noexcept {
    runnable* const r = c.release();
    if (!made_.passed() && protocol_.post(*r)) return true;
    r->next = nullptr;
    inbox_types::discard(r);
    return false;
}

void inbox::wake() noexcept {
    if (!made_.passed()) protocol_.wake();  // the mutex may be held for ever, by a thread that is the parent's
}

void inbox::close() noexcept { protocol_.close(); }

runnable* inbox::take() noexcept { return protocol_.take(); }

bool inbox::fall_asleep() noexcept { return protocol_.fall_asleep(); }

void inbox::wake_up() noexcept { protocol_.wake_up(); }

}  // namespace crocus::detail
