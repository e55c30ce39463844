/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of answers, read without exceptions. Include <prognos.hpp>. */
#ifndef PROGNOS_LIST_HPP
#define PROGNOS_LIST_HPP

#include "result.hpp"

#include <cstddef>
#include <memory>
#include <new>

namespace prognos {

/** A list that owns its values: move-only, its memory asked for with std::nothrow. */
template <class T> class list {
  public:
    list() noexcept = default;
    /** A list of so many zeroed values; an empty one when there is no memory. */
    explicit list(std::size_t size) noexcept
        : values_(new (std::nothrow) T[size]()), size_(values_ ? size : 0) {
    }

    const T *begin() const noexcept {
        return values_.get();
    }
    const T *end() const noexcept {
        return values_.get() + size_;
    }
    const T *data() const noexcept {
        return values_.get();
    }
    T *data() noexcept {
        return values_.get();
    }
    std::size_t size() const noexcept {
        return size_;
    }
    bool empty() const noexcept {
        return size_ == 0;
    }
    const T &operator[](std::size_t index) const noexcept {
        return values_[index];
    }
    /** Of a list that is not empty. */
    const T &front() const noexcept {
        return values_[0];
    }
    /** Keeps the first so many. */
    void cut(std::size_t size) noexcept {
        if (size < size_) size_ = size;
    }

  private:
    std::unique_ptr<T[]> values_;
    std::size_t size_ = 0;
};

namespace detail {

/** Reads a list by a C call that fills an array: as many as there are, also when they get more meanwhile. */
template <class T, class C>
result<list<T>> read_list(prognos_status (*read)(C *, std::size_t, std::size_t,
                                                 std::size_t *)) noexcept {
    static_assert(sizeof(T) == sizeof(C), "an answer has the fields of its C struct and no others");
    std::size_t count = 0;
    outcome became(read(nullptr, sizeof(C), 0, &count));
    while (became && count > 0) {
        list<T> values(count);
        if (values.empty())
            return {outcome(status::no_memory, "no memory for the list of answers"), {}};
        const std::size_t room = count;
        became = outcome(read(values.data(), sizeof(C), room, &count));
        if (!became) break;
        values.cut(count);
        if (count <= room) return {became, std::move(values)};
    }
    return {became, {}};
}

} // namespace detail
} // namespace prognos

#endif /* PROGNOS_LIST_HPP */
