/* ask - an operation sleeps on its question's own descriptor until it is answered, cancelled or expired. */
#include "run/ask.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

enum { EXPIRES_MS = 120000 };

struct open_question {
    struct open_question *next;
    int64_t id;
    enum question_kind kind;
    const char *expect;               /* borrowed from the asker, who outlives this */
    int fd;                           /* an eventfd: answered */
    struct answer answer;
};

struct asks {
    struct queue *queue;
    pthread_mutex_t mutex;
    struct open_question *open;
    int64_t last_id;
};

static const char *const kind_names[] = {
    [QUESTION_YES] = "yes", [QUESTION_NAME] = "name", [QUESTION_PASSWORD] = "password",
    [QUESTION_CHOICE] = "choice",
};

struct asks *asks_new(struct queue *queue)
{
    struct asks *a = xcalloc(1, sizeof *a);
    a->queue = queue;
    pthread_mutex_init(&a->mutex, NULL);
    return a;
}

void asks_free(struct asks *a)
{
    if (!a)
        return;
    pthread_mutex_destroy(&a->mutex);
    free(a);
}

/* A typed name counts only in full: the screen's word is not enough. */
static bool answers(const struct open_question *q, bool yes, const char *text)
{
    if (q->kind == QUESTION_NAME)
        return yes && q->expect && text && strcmp(q->expect, text) == 0;
    return yes;
}

bool asks_answer(struct asks *a, int64_t id, bool yes, const char *text, struct secret *secret)
{
    bool found = false;
    pthread_mutex_lock(&a->mutex);
    for (struct open_question *q = a->open; q && !found; q = q->next)
        if (q->id == id) {
            found = true;
            q->answer.yes = answers(q, yes, text);
            if (q->kind != QUESTION_PASSWORD)
                snprintf(q->answer.typed, sizeof q->answer.typed, "%s", text ? text : "");
            if (q->kind == QUESTION_PASSWORD && yes) {
                q->answer.secret = secret;
                secret = NULL;
            }
            (void)eventfd_write(q->fd, 1);
        }
    pthread_mutex_unlock(&a->mutex);
    secret_free(secret);
    return found;
}

static int expiry_ms(const struct question *q) { return q->expires_ms > 0 ? q->expires_ms : EXPIRES_MS; }

static void post_question(const struct asker *asker, const struct open_question *open,
                          const struct question *question)
{
    struct input *in = input_new(IN_QUESTION);
    in->request = asker->ctx->request;
    in->generation = asker->ctx->generation;
    in->number = open->id;
    in->number2 = expiry_ms(question);
    in->name = xstrdup(kind_names[question->kind]);
    in->title = xstrdup(question->title);
    in->text = xstrdup(question->text);
    in->expect = xstrdup(question->expect);
    in->secret = question->kind == QUESTION_PASSWORD;
    queue_put(asker->asks->queue, in, asker->cancelled);
}

static void post_over(const struct asker *asker, int64_t id, const struct answer *answer)
{
    struct input *in = input_new(IN_QUESTION_OVER);
    in->request = asker->ctx->request;
    in->generation = asker->ctx->generation;
    in->number = id;
    in->ok = answer->yes;
    in->text = xstrdup(answer->typed);
    queue_put(asker->asks->queue, in, asker->cancelled);
}

/* Sleeps until the answer; false: cancelled or expired, and says which. */
static bool wait_answer(const struct asker *asker, const struct open_question *open,
                        const struct question *question, struct err *err)
{
    int expires_ms = expiry_ms(question);
    struct pollfd fds[] = {{.fd = open->fd, .events = POLLIN},
                           {.fd = asker->ctx->cancel_fd, .events = POLLIN}};
    int64_t end = clock_mono_ms() + expires_ms;
    for (;;) {
        int64_t left = end - clock_mono_ms();
        int n = left > 0 ? poll(fds, 2, (int)left) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            err_set(err, ERR_CANCELLED, "%s", question->title);
            return err_why(err, "nobody answered within %d seconds", expires_ms / 1000);
        }
        if (fds[1].revents)
            return err_set(err, ERR_CANCELLED, "%s: cancelled while asking", question->title);
        if (fds[0].revents)
            return true;
    }
}

static void close_question(struct asks *a, struct open_question *open)
{
    pthread_mutex_lock(&a->mutex);
    for (struct open_question **at = &a->open; *at; at = &(*at)->next)
        if (*at == open) {
            *at = open->next;
            break;
        }
    pthread_mutex_unlock(&a->mutex);
    close(open->fd);
}

bool ask_console(void *argument, const struct question *question, struct answer *answer, struct err *err)
{
    const struct asker *asker = argument;
    struct asks *a = asker->asks;
    struct open_question open = {.kind = question->kind, .expect = question->expect,
                                 .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (open.fd < 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot ask: %s", question->title);
    pthread_mutex_lock(&a->mutex);
    open.id = ++a->last_id;
    open.next = a->open;
    a->open = &open;
    pthread_mutex_unlock(&a->mutex);
    post_question(asker, &open, question);
    bool ok = wait_answer(asker, &open, question, err);
    close_question(a, &open);
    post_over(asker, open.id, &open.answer);
    if (!ok)
        secret_free(open.answer.secret);
    else
        *answer = open.answer;
    return ok;
}
