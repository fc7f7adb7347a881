// A part of a program in which nothing may wait.
#pragma once

#include <optional>
#include <source_location>

#include <crocus/config.hpp>
#include <crocus/fiber.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

/// While it lives, what would suspend the calling green thread throws usage_error instead, which says where this was
/// made and which call it was: other tasks cannot see what is half done, and no iterator goes stale.
///
///     const crocus::no_suspend all_at_once;
///     for (auto& [name, client] : clients) client.tell(news);     // throws, should tell() ever learn to wait
///
/// Nothing is suspended then, and nothing was taken or given. In debug mode the call throws also where it happens not
/// to need to suspend. A destructor that has to wait ends the process in here, as with any other exception. Tasks that
/// are made in here run later, and may suspend; an eager one does so at once. A thread without a loop may block.
///
/// A yield of a generator whose body is outside throws yield_across_scope. Nests.
///
/// Thread: the one it was made on.
/// Cost:   some nanoseconds; what suspends pays nothing for it
class CROCUS_EXPORT no_suspend {
public:
    [[nodiscard]] explicit no_suspend(std::source_location site = std::source_location::current()) noexcept;
    no_suspend(const no_suspend&) = delete;
    no_suspend& operator=(const no_suspend&) = delete;
    ~no_suspend();

    /// For agents: throws what says that `who` would suspend.
    [[noreturn]] static void refuse(const agent& who);
    /// A loop has been made for the thread, whose main flow this may be.
    static void begin_loop(agent& main) noexcept;

private:
    void hold_for(agent& who) noexcept;

    const std::source_location site_;
    no_suspend* const outer_;  // on this thread, whosever
    agent* who_ = nullptr;     // null: a callback, or a thread without a loop
    bool was_held_ = false;
    std::optional<detail::yield_barrier> no_yield_;
};

}  // namespace crocus
