/*
 * tsan: tells ThreadSanitizer of a hand-over through a library that it cannot see into.
 *
 * Internal to receiver/. gRPC core is not instrumented: what one thread wrote before it gave a tag
 * to core happens before the event with that tag. Nothing at all in other builds.
 */
#ifndef RAY_RECEIVER_TSAN_H
#define RAY_RECEIVER_TSAN_H

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define RAY_TSAN 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define RAY_TSAN 1
#endif

#ifdef RAY_TSAN
#include <sanitizer/tsan_interface.h>
#define RAY_TSAN_GIVE(pointer) __tsan_release(pointer)
#define RAY_TSAN_TAKE(pointer) __tsan_acquire(pointer)
#else
#define RAY_TSAN_GIVE(pointer) ((void)(pointer))
#define RAY_TSAN_TAKE(pointer) ((void)(pointer))
#endif

#endif
