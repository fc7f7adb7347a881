// A native thread for every item. All are started; a semaphore lets some of them work at a time.
#include <pthread.h>
#include <semaphore.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "../failure.hpp"
#include "../format.hpp"
#include "models.hpp"

namespace compare::models {
namespace {

// Ten thousand threads with the usual 8 MiB each would ask for 80 GB of address space.
constexpr std::size_t stack_bytes = 256 * 1024;

struct crowd {
    crowd(const work& of, collector& to) : w(of), done(to) {
        sem_init(&slots, 0, static_cast<unsigned>(of.order.concurrency));
    }
    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;
    ~crowd() { sem_destroy(&slots); }

    const work& w;
    collector& done;
    sem_t slots;
    std::atomic<bool> given_up = false;
};

struct member {
    crowd& all;
    std::size_t item;
    pthread_t thread{};
};

void* live(void* argument) {
    const member& self = *static_cast<member*>(argument);
    while (sem_wait(&self.all.slots) != 0 && errno == EINTR) {
    }
    if (!self.all.given_up) self.all.done.add(self.all.w.perform(self.item));
    sem_post(&self.all.slots);
    return nullptr;
}

int start(member& one, const pthread_attr_t& attributes) {
    return pthread_create(&one.thread, &attributes, live, &one);
}

}  // namespace

void thread_each(const work& w, collector& done) {
    crowd all(w, done);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_bytes);

    std::vector<member> members;
    members.reserve(w.items.size());  // their addresses are given away
    int error = 0;
    for (const std::size_t item : w.items) {
        members.push_back({all, item});
        error = start(members.back(), attributes);
        if (error == 0) continue;
        members.pop_back();
        all.given_up = true;
        break;
    }
    for (const member& one : members) pthread_join(one.thread, nullptr);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        throw failure("the system refused thread " + grouped(members.size() + 1) + " of " + grouped(w.items.size()) +
                      " (" + std::strerror(error) + "): raise ulimit -u and kernel.threads-max, or lower --urls");
}

}  // namespace compare::models
