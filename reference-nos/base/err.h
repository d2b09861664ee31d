/* SPDX-License-Identifier: Apache-2.0
 *
 * The one table of error codes.
 *
 * Fallible functions return int: 0, or a positive 'enum err'.  Results leave
 * through trailing pointers, which are untouched on failure.
 */
#ifndef NOS_BASE_ERR_H
#define NOS_BASE_ERR_H

/* X(name, text) */
#define ERR_TABLE(X)                                                          \
    X(ERR_NOMEM, "memory limit reached")                                      \
    X(ERR_FULL, "queue or table is full")                                     \
    X(ERR_TRUNCATED, "input ends too early")                                  \
    X(ERR_MALFORMED, "input is malformed")                                    \
    X(ERR_RANGE, "value is out of range")                                     \
    X(ERR_EXISTS, "exists already")                                           \
    X(ERR_NOENT, "not found")                                                 \
    X(ERR_INVALID, "invalid argument")                                        \
    X(ERR_UNSUPPORTED, "not supported here")                                  \
    X(ERR_STALE, "from an older term, incarnation or version")                \
    X(ERR_NOT_LEADER, "not the leader")                                       \
    X(ERR_NO_QUORUM, "no quorum")                                             \
    X(ERR_BUSY, "busy, try again")                                            \
    X(ERR_CONFLICT, "conflicts with the present state")                       \
    X(ERR_REFUSED, "refused")                                                 \
    X(ERR_PAST, "lies in the past")                                           \
    X(ERR_TIMEOUT, "timed out")                                               \
    X(ERR_UNREACHABLE, "unreachable")                                         \
    X(ERR_IO, "input or output error")                                        \
    X(ERR_NOSPACE, "no space left on the device")                             \
    X(ERR_READONLY, "read-only")                                              \
    X(ERR_CORRUPT, "stored data is corrupt")                                  \
    X(ERR_VERSION, "unknown version")                                         \
    X(ERR_PERMISSION, "permission denied")                                    \
    X(ERR_INTERRUPTED, "interrupted")                                         \
    X(ERR_INTERNAL, "internal error")

enum err {
    ERR_NONE = 0,
#define ERR_NAME(name, text) name,
    ERR_TABLE(ERR_NAME)
#undef ERR_NAME
        ERR_COUNT
};

/* The text of 'code'; "no error" for 0, "unknown error" for others. */
const char *err_text(int code);

#endif
