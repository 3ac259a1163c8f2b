/* play_show.c: see play_show.h. */
#include "training/show/play_show.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"
#include "training/actions.h"
#include "training/run/results.h"

#define DIGITS 6 /* of a number that a person is shown */

void play_show_header(const env_facts *facts, FILE *out) {
    fprintf(out, "episode,step");
    for (int i = 0; i < facts->agents; i++) fprintf(out, ",action_%d", i);
    for (int i = 0; i < facts->agents; i++) fprintf(out, ",reward_%d", i);
    fprintf(out, ",terminated,truncated");
    for (int r = 0; r < facts->readings; r++) {
        fputc(',', out);
        csv_write_text(out, facts->reading_name[r]);
    }
    fputc('\n', out);
}

void play_show_row(play_show *show) {
    const env_vec *vec = &show->stage->vec;
    const env *e = vec->env;
    FILE *out = show->out;
    bool start = vec->length[0] == 0;
    fprintf(out, "%lld,%lld", (long long)show->episode, (long long)vec->length[0]);
    for (int i = 0; i < e->facts.agents; i++) {
        fputc(',', out);
        if (start || !env_vec_before(vec).active[i]) continue;
        char *text = action_text(&e->facts, i, vec->actions, 0);
        csv_write_text(out, text);
        free(text);
    }
    for (int i = 0; i < e->facts.agents; i++) {
        fputc(',', out);
        csv_write_number(out, start ? 0 : vec->rewards[i]);
    }
    fprintf(out, ",%d,%d", vec->terminated[0], vec->truncated[0]);
    e->type->read(e->game, env_vec_state(vec, 0), show->readings);
    for (int r = 0; r < e->facts.readings; r++) {
        fputc(',', out);
        csv_write_number(out, show->readings[r]);
    }
    fputc('\n', out);
}

void play_show_values(const env_facts *facts, const double *values, FILE *out) {
    if (facts->agents == 1) fprintf(out, "%.6g", values[0]);
    for (int i = 0; facts->agents > 1 && i < facts->agents; i++)
        fprintf(out, "%s%s %.6g", i ? ", " : "", facts->agent[i].name, values[i]);
}

/* "leader FASTER, follower waits"; of a single agent the action alone. */
static void put_actions(const play_show *show, FILE *out) {
    const env_vec *vec = &show->stage->vec;
    const env_facts *facts = &vec->env->facts;
    fprintf(out, "decision %lld: ", (long long)vec->length[0]);
    const uint8_t *acted = env_vec_before(vec).active;
    for (int i = 0; i < facts->agents; i++) {
        char *text = action_text(facts, i, vec->actions, DIGITS);
        if (facts->agents > 1) fprintf(out, "%s%s ", i ? ", " : "", facts->agent[i].name);
        fprintf(out, "%s", acted[i] ? text : show->gone[i] ? "is done" : "waits");
        free(text);
    }
}

static void put_rewards(const play_show *show, FILE *out) {
    const env_vec *vec = &show->stage->vec;
    fprintf(out, "  reward%s: ", vec->env->facts.agents == 1 ? "" : "s");
    play_show_values(&vec->env->facts, vec->rewards, out);
}

static void put_end(const play_show *show, FILE *out) {
    const env_vec *vec = &show->stage->vec;
    const env_facts *facts = &vec->env->facts;
    fprintf(out, "episode %lld: ", (long long)show->episode);
    if (vec->outcome[0] >= 0) fprintf(out, "%s", facts->outcome_name[vec->outcome[0]]);
    else fprintf(out, "over");
    fprintf(out, " after %lld decision%s%s; return%s: ", (long long)vec->length[0],
            vec->length[0] == 1 ? "" : "s", vec->truncated[0] ? " (cut off there)" : "",
            facts->agents == 1 ? "" : "s");
    play_show_values(facts, vec->sum, out);
}

/* What `put` writes, in lines that fit the terminal. */
static void put_lines(const play_show *show, void (*put)(const play_show *, FILE *)) {
    char *text = NULL;
    size_t size;
    FILE *memory = fm_memory_open(&text, &size);
    put(show, memory);
    fm_memory_close(memory);
    fm_text_lines(show->out, text, fm_terminal_columns(show->out));
    free(text);
}

/* Agents whose episode is over now while that of others goes on. */
static void put_done(const play_show *show) {
    const env_vec *vec = &show->stage->vec;
    const env_facts *facts = &vec->env->facts;
    for (int i = 0; i < facts->agents; i++)
        if (vec->done[i] && !show->gone[i]) fprintf(show->out, "  %s is done\n", facts->agent[i].name);
}

void play_show_picture(play_show *show) {
    const env_vec *vec = &show->stage->vec;
    const env *e = vec->env;
    FILE *out = show->out;
    bool start = vec->length[0] == 0;
    if (start) {
        fprintf(out, "\nepisode %lld, start\n", (long long)show->episode);
    } else {
        fputc('\n', out);
        put_lines(show, put_actions);
    }
    e->type->render(e->game, env_vec_state(vec, 0), start ? NULL : vec->actions, out);
    if (!start) {
        put_lines(show, put_rewards);
        if (!env_vec_ended(vec, 0)) put_done(show);
        else fputc('\n', out), put_lines(show, put_end);
    }
    memcpy(show->gone, vec->done, (size_t)e->facts.agents);
}
