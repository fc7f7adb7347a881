#include <crocus/task_group.hpp>

#include <algorithm>
#include <vector>

#include <crocus/detail/block_pool.hpp>

namespace crocus {

namespace {

/// A sole generator_exit is no failure, but what a generator's or a coroutine's close() waits for. (T38)
void rethrow_if_exit(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const generator_exit&) {
        throw;
    } catch (...) {
    }
}

}  // namespace

/// A task of the group, until it has ended; afterwards, what it failed with.
class task_group::member final : public detail::waiter {
public:
    explicit member(task_group& of) noexcept : group_(of) {}

    void notified() noexcept override { group_.ended(*this); }

    /// Whose body it is, once that waits for the end of its tasks.
    [[nodiscard]] agent* who() const noexcept override {
        const auto waiting = group_.none_left_.agents();
        return waiting.empty() ? nullptr : waiting.front();
    }

    static void* operator new(std::size_t) { return detail::allocate_block<sizeof(member), alignof(member)>(); }
    static void operator delete(void* block) noexcept { detail::free_block<sizeof(member), alignof(member)>(block); }

    detail::task_agent* task = nullptr;
    std::exception_ptr error;
    member* previous = nullptr;
    member* next = nullptr;

private:
    task_group& group_;
};

void task_group::member_list::add(member& m) noexcept {
    m.previous = last;
    m.next = nullptr;
    (last != nullptr ? last->next : first) = &m;
    last = &m;
}

void task_group::member_list::remove(member& m) noexcept {
    (m.previous != nullptr ? m.previous->next : first) = m.next;
    (m.next != nullptr ? m.next->previous : last) = m.previous;
}

task_group::task_group(task_group_options options) : limit_(options.limit) {}

// Reached with tasks running only if its loop failed.
task_group::~task_group() {
    if (there_ != 0) wait_undisturbed();
    while (failed_.first != nullptr) {
        member* const m = failed_.first;
        failed_.remove(*m);
        delete m;
    }
    delete room_;
}

// ----------------------------------------------------------------------------------------------------------- its tasks

void task_group::make_room() {
    if (aborting_) throw task_group_closed("the task group is shutting down: a task has failed, or it was cancelled");
    if (closing_ && there_ == 0) throw task_group_closed("the task group is finished: all of its tasks have ended");
    if (room_ == nullptr) room_ = new member(*this);
}

void task_group::add(detail::task_agent& child, bool eager) {
    member& m = *std::exchange(room_, nullptr);
    m.task = &child;
    members_.add(m);
    if (waiting_ == nullptr) waiting_ = &m;
    ++there_;
    child.enlist();
    child.outcome().on_done(m);
    begin_waiting(eager ? &m : nullptr);
}

/// Those that are to end have room in any case: they are cancelled, and call nothing.
void task_group::begin_waiting(const member* at_once) {
    while (waiting_ != nullptr && (limit_ == 0 || running_ < limit_ || aborting_)) {
        member& m = *std::exchange(waiting_, waiting_->next);
        ++running_;
        if (&m == at_once)
            m.task->begin_now();
        else
            m.task->begin();
    }
}

void task_group::ended(member& m) noexcept {
    detail::future_state& outcome = m.task->outcome();
    members_.remove(m);
    --there_;
    --running_;
    if (outcome.failed()) {
        m.error = outcome.error();
        failed_.add(m);
        if (!aborting_) abort("another task of its group failed");
    } else {
        delete &m;
    }
    begin_waiting();
    if (there_ == 0) none_left_.notify_one();
}

/// Cancels what runs. Where the body awaits one of the tasks it is not cancelled by way of that task, which would be
/// asked twice: the task's end is enough.
void task_group::abort(const std::string& message) {
    aborting_ = true;
    bool body_awaits_one = false;
    for (member* m = members_.first; m != nullptr; m = m->next) {
        body_awaits_one = body_awaits_one || scope_.awaits(m->task->outcome());
        m->task->outcome().cancel(message);
    }
    if (!closing_) scope_.request(!body_awaits_one);
    begin_waiting();
}

void task_group::cancel(const std::string& message) {
    if (aborting_ || (closing_ && there_ == 0)) return;
    abort(message);
}

// ------------------------------------------------------------------------------------------------------------- its end

void task_group::wait() {
    while (there_ != 0) none_left_.wait();
}

void task_group::wait_undisturbed() {
    if (!aborting_) abort("its task group ends");
    defer_cancellation([this] { wait(); });
}

void task_group::close(std::exception_ptr failure) {
    closing_ = true;
    scope_.withdraw();
    std::exception_ptr cancellation;  // somebody else's
    std::string message;
    const auto interrupted = [&](const cancelled_error& e) {
        cancellation = std::current_exception();
        message = e.message();
        if (!aborting_) abort(message);
    };

    try {
        if (failure) {
            const auto thrown = std::exchange(failure, nullptr);
            std::rethrow_exception(thrown);
        }
        if (!aborting_) wait();
    } catch (const cancelled_error& e) {
        if (!scope_.requested() || !scope_.undisturbed()) interrupted(e);
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure || aborting_) wait_undisturbed();

    if (failure || failed_.first != nullptr) {
        if (cancellation && !scope_.undisturbed()) scope_.deliver_again(std::move(message));
        throw_failures(std::move(failure));
    }
    if (auto others = aborting_ ? scope_.who().take_cancellation() : std::nullopt)
        throw cancelled_error(others->empty() ? std::move(message) : *std::move(others));
    if (cancellation) std::rethrow_exception(std::move(cancellation));
}

void task_group::throw_failures(std::exception_ptr of_body) {
    std::vector<std::exception_ptr> failures;
    for (member* m = failed_.first; m != nullptr; m = m->next) failures.push_back(std::move(m->error));
    const bool known = std::find(failures.begin(), failures.end(), of_body) != failures.end();  // it awaited that task
    if (of_body && !known) {
        if (failures.empty()) rethrow_if_exit(of_body);
        failures.push_back(std::move(of_body));
    }
    throw exception_group("unhandled errors in a task group", std::move(failures));
}

}  // namespace crocus
