#include <crocus/context_var.hpp>

#include <algorithm>
#include <utility>
#include <vector>

#include <crocus/detail/coroutine_state.hpp>
#include <crocus/unraisable.hpp>

namespace crocus {

namespace detail {

std::atomic<bool> context_slot::in_use{false};

context_data::~context_data() = default;

namespace {

struct context_entry {
    std::uint64_t id;
    std::shared_ptr<const void> value;
};

/// The values of all variables that are set, in the order of their numbers. Written to only while it has one owner.
class context_values final : public context_data {
public:
    context_values() noexcept : context_data(false) {}

    std::vector<context_entry> entries;

    [[nodiscard]] std::vector<context_entry>::iterator at_or_after(std::uint64_t id) {
        return std::lower_bound(entries.begin(), entries.end(), id,
                                [](const context_entry& e, std::uint64_t wanted) { return e.id < wanted; });
    }
};

/// What a flow's context is once something was set in it. Its address is what a token remembers.
class own_context final : public context_data {
public:
    explicit own_context(context_slot of) noexcept : context_data(true), values(std::move(of)) {}

    context_slot values;  // context_values
    std::atomic<bool> entered{false};
};

/// The values in `data`, which may be null; null if there are none.
context_values* values_of(context_data* data) noexcept {
    if (data != nullptr && data->own()) data = static_cast<own_context*>(data)->values.get();
    return static_cast<context_values*>(data);
}

/// A thread that has no loop keeps its context here, and gives it up with its end.
void give_up_context_of_thread_at_its_end() {
    struct at_end {
        ~at_end() { const context_slot gone(std::exchange(this_thread().context, nullptr)); }
    };
    thread_local const at_end registered;
    static_cast<void>(registered);
}

/// The context of the flow that the loop runs: a task, the main flow, or a callback.
context_data*& of_scheduled_flow(thread_state& t) noexcept {
    if (t.loop == nullptr) return t.context;
    green_agent* const running = t.loop->running_or_driving();
    return (running != nullptr ? running->context : t.loop->callback_context()).word();
}

/// Where the current context is. A coroutine that is driven by hand has its driver's, unless it is inside context::run.
context_data*& current() noexcept {
    thread_state& t = this_thread();
    for (auto* c = static_cast<coroutine_state*>(t.driven); c != nullptr; c = c->driven_by())
        if (c->context) return c->context.word();
    return of_scheduled_flow(t);
}

/// Where context::run puts its own: it must not stay with the driver of a coroutine when that waits.
context_data*& entered_here() noexcept {
    thread_state& t = this_thread();
    return t.driven != nullptr ? t.driven->context.word() : of_scheduled_flow(t);
}

/// The values of `own` for one who writes, with room for one more.
context_values& writable(own_context& own) {
    context_values* const before = values_of(&own);
    if (before != nullptr && before->has_one_owner()) {
        before->entries.reserve(before->entries.size() + 1);
        return *before;
    }
    context_slot copy(new context_values);
    auto& values = static_cast<context_values&>(*copy.get());
    values.entries.reserve((before != nullptr ? before->entries.size() : 0) + 1);
    if (before != nullptr) values.entries = before->entries;
    own.values = std::move(copy);
    return values;
}

/// Returns what was there. What goes is destroyed by the caller, whose context is in order by then.
std::shared_ptr<const void> put(own_context& own, std::uint64_t id, std::shared_ptr<const void> value) {
    context_values& values = writable(own);
    const auto at = values.at_or_after(id);
    const bool is_set = at != values.entries.end() && at->id == id;
    if (is_set && value == nullptr) {
        auto before = std::move(at->value);
        values.entries.erase(at);
        return before;
    }
    if (is_set) return std::exchange(at->value, std::move(value));
    if (value != nullptr) values.entries.insert(at, {id, std::move(value)});
    return nullptr;
}

/// The current context, which becomes the flow's own.
own_context& make_own() {
    context_slot::in_use.store(true, std::memory_order_relaxed);
    context_data*& word = current();
    if (word != nullptr && word->own()) return static_cast<own_context&>(*word);
    give_up_context_of_thread_at_its_end();
    context_slot values(std::exchange(word, nullptr));
    auto* const own = new own_context(std::move(values));
    word = own;
    return *own;
}

std::uint64_t next_id() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

}  // namespace

context_slot context_slot::capture_from(context_data* data) noexcept {
    context_values* const values = values_of(data);
    if (values == nullptr) return {};
    values->add_owner();
    return context_slot(values);
}

context_slot context_slot::capture_current() noexcept { return capture_from(current()); }

context_key::context_key(std::string name) : id_(next_id()), name_(std::move(name)) {}

std::shared_ptr<const void> context_key::find() const noexcept {
    if (!context_slot::in_use.load(std::memory_order_relaxed)) return nullptr;
    context_values* const values = values_of(current());
    if (values == nullptr) return nullptr;
    const auto at = values->at_or_after(id_);
    return at != values->entries.end() && at->id == id_ ? at->value : nullptr;
}

context_token context_key::exchange(std::shared_ptr<const void> value) const {
    own_context& own = make_own();
    auto before = put(own, id_, std::move(value));
    own.add_owner();
    return context_token(*this, context_slot(&own), std::move(before));
}

void context_key::reset(context_token& token) const {
    if (token.of_ == nullptr) throw context_token_used(name_);
    if (token.of_ != this) throw context_token_of_other_variable(name_, token.of_->name_);
    if (token.in_.get() != current()) throw context_token_of_other_context(name_);
    const auto gone = put(static_cast<own_context&>(*token.in_.get()), id_, token.before_);
    token.of_ = nullptr;
    const auto in = std::move(token.in_);
    const auto before = std::move(token.before_);
}

void context_key::throw_unset() const { throw context_var_unset(name_); }

}  // namespace detail

context_scope::~context_scope() {
    if (token_.of_ == nullptr) return;
    try {
        token_.of_->reset(token_);
    } catch (...) {
        report_unraisable("at the end of a context_scope", std::current_exception());
    }
}

context::context(detail::context_slot values) : own_(new detail::own_context(std::move(values))) {}

context context::copy_of(const detail::context_slot& of) { return context(detail::context_slot::capture_from(of.get())); }

context context::copy_current() { return context(detail::context_slot::capture()); }

context::entered::entered(const detail::context_slot& own) {
    auto& entering = static_cast<detail::own_context&>(*own.get());
    if (entering.entered.exchange(true, std::memory_order_acquire)) throw context_already_entered();
    before_ = own.share();
    before_.swap(detail::entered_here());
}

context::entered::~entered() {
    before_.swap(detail::entered_here());
    static_cast<detail::own_context&>(*before_.get()).entered.store(false, std::memory_order_release);
}

}  // namespace crocus
