/* play_show.c: see play_show.h. */
#include "training/show/play_show.h"

#include "base/text.h"
#include "training/run/results.h"

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

char *play_show_action(const env_facts *facts, int agent, const real *actions, char *text) {
    const env_space *space = &facts->action[agent];
    const real *action = actions + facts->action_at[agent];
    size_t used = 0;
    if (space->n > 0) {
        char number[32];
        snprintf(text, PLAY_ACTION_MAX, "%s",
                 env_action_label(facts, agent, (int)*action, number, sizeof number));
        return text;
    }
    text[0] = '\0';
    for (int k = 0; k < space->size && used + 40 < PLAY_ACTION_MAX; k++) {
        char number[40];
        fm_text_from_real((double)action[k], number, sizeof number);
        used += (size_t)snprintf(text + used, PLAY_ACTION_MAX - used, "%s%s", k ? ":" : "", number);
    }
    return text;
}

void play_show_row(const play_stage *stage, FILE *out) {
    const env_vec *vec = &stage->vec;
    const env_facts *facts = &vec->env->facts;
    bool start = stage->decision == 0;
    fprintf(out, "%lld,%lld", (long long)stage->episode, (long long)stage->decision);
    for (int i = 0; i < facts->agents; i++) {
        char text[PLAY_ACTION_MAX];
        fputc(',', out);
        if (!start) csv_write_text(out, play_show_action(facts, i, vec->actions, text));
    }
    for (int i = 0; i < facts->agents; i++) {
        fputc(',', out);
        csv_write_number(out, start ? 0 : vec->rewards[i]);
    }
    fprintf(out, ",%d,%d", !start && vec->terminated[0], !start && vec->truncated[0]);
    vec->env->type->read(vec->env->game, stage->state, stage->readings);
    for (int r = 0; r < facts->readings; r++) {
        fputc(',', out);
        csv_write_number(out, stage->readings[r]);
    }
    fputc('\n', out);
}

/* "leader 50, follower 10" */
static void put_values(const env_facts *facts, const double *values, FILE *out) {
    for (int i = 0; i < facts->agents; i++)
        fprintf(out, "%s%s %.6g", i ? ", " : "", facts->agent_name[i], values[i]);
}

static void put_end(const play_stage *stage, FILE *out) {
    const env_vec *vec = &stage->vec;
    const env_facts *facts = &vec->env->facts;
    fprintf(out, "\nepisode %lld: ", (long long)stage->episode);
    if (stage->outcome >= 0) fprintf(out, "%s", facts->outcome_name[stage->outcome]);
    else fprintf(out, "over");
    fprintf(out, " after %lld decision%s%s; returns: ", (long long)stage->decision,
            stage->decision == 1 ? "" : "s", vec->truncated[0] ? " (cut off there)" : "");
    put_values(facts, stage->returns, out);
    fputc('\n', out);
}

void play_show_picture(const play_stage *stage, FILE *out) {
    const env_vec *vec = &stage->vec;
    const env *e = vec->env;
    bool start = stage->decision == 0;
    if (start) {
        fprintf(out, "\nepisode %lld, start\n", (long long)stage->episode);
    } else {
        fprintf(out, "\ndecision %lld: ", (long long)stage->decision);
        for (int i = 0; i < e->facts.agents; i++) {
            char text[PLAY_ACTION_MAX];
            fprintf(out, "%s%s %s", i ? ", " : "", e->facts.agent_name[i],
                    play_show_action(&e->facts, i, vec->actions, text));
        }
        fputc('\n', out);
    }
    e->type->render(e->game, stage->state, start ? NULL : vec->actions, out);
    if (start) return;
    fprintf(out, "  rewards: ");
    put_values(&e->facts, vec->rewards, out);
    fputc('\n', out);
    if (stage->ended) put_end(stage, out);
}
