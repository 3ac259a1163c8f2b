/* test_plot_drawing.c: what gnuplot, where it is installed, makes of a figure's script: everything lies where
 * the numbers say, and nothing covers anything. */
#include "tests/figure.h"
#include "tests/test.h"

#include "base/random.h"
#include "training/show/plot_axis.h"

typedef struct box { double left, right, top, bottom; } box;

/* Where the p-th panel of a script has its axes, in pixels, and what they show. */
typedef struct panel_place { box at; double x_low, x_high, y_low, y_high; } panel_place;

static bool find_panel(const char *gp, size_t p, panel_place *place) {
    static const char *const EDGE[] = {"set lmargin at screen", "set rmargin at screen",
                                       "set tmargin at screen", "set bmargin at screen"};
    double width = 0, height = 0, edge[4] = {0};
    char head[40];
    snprintf(head, sizeof head, "\n# panel %zu\n", p + 1);
    const char *at = strstr(gp, head);
    if (!at || sscanf(strstr(gp, "size "), "size %lf,%lf", &width, &height) != 2) return false;
    for (int i = 0; i < 4; i++) edge[i] = strtod(strstr(at, EDGE[i]) + strlen(EDGE[i]), NULL);
    place->at = (box){edge[0] * width, edge[1] * width, (1 - edge[2]) * height, (1 - edge[3]) * height};
    return sscanf(strstr(at, "set xrange"), "set xrange [%lf:%lf]", &place->x_low, &place->x_high) == 2 &&
           sscanf(strstr(at, "set yrange"), "set yrange [%lf:%lf]", &place->y_low, &place->y_high) == 2;
}

static double pixel_x(const panel_place *p, double x) {
    return p->at.left + (x - p->x_low) / (p->x_high - p->x_low) * (p->at.right - p->at.left);
}

static double pixel_y(const panel_place *p, double y) {
    return p->at.bottom - (y - p->y_low) / (p->y_high - p->y_low) * (p->at.bottom - p->at.top);
}

/* Reads up to n points "x,y", each before it a blank, a quote, M or L; returns how many. */
static size_t read_points(const char *text, double (*points)[2], size_t n) {
    size_t k;
    int used;
    for (k = 0; k < n; k++) {
        text += strspn(text, "ML \n\t'");
        if (sscanf(text, "%lf,%lf%n", &points[k][0], &points[k][1], &used) != 2) break;
        text += used;
    }
    return k;
}

#define BLUE "rgb(  0, 114, 178)"
#define ORANGE "rgb(230, 159,   0)"
#define GREY "rgb(136, 136, 136)"

TEST(plot_curves_lie_where_the_numbers_are_and_stop_at_gaps) {
    plot_panel panel = {.series = LEFT, .n = 1};
    written w = write_figure(&DATA, &(plot_page){.panels = &panel, .n = 1});
    panel_place at;
    EXPECT(find_panel(w.gp, 0, &at));
    if (w.drawn) {
        const char *path = strstr(w.svg, "<path stroke='" BLUE "'  d='");
        double p[4][2] = {{0}};
        char curve[200] = "";
        EXPECT(path && sscanf(path, "<path stroke='" BLUE "' d='%199[^']", curve) == 1);
        EXPECT_EQ(count(curve, "M"), 2); /* the point behind the gap stands alone */
        EXPECT_EQ(count(curve, "L"), 1);
        EXPECT_EQ(read_points(curve, p, 4), 3);
        const double expected[3][2] = {{0, 1}, {1000, 2}, {3000, 3}};
        for (int i = 0; i < 3; i++) {
            EXPECT_NEAR(p[i][0], pixel_x(&at, expected[i][0]), 0.3);
            EXPECT_NEAR(p[i][1], pixel_y(&at, expected[i][1]), 0.3);
        }
        EXPECT_EQ(count(w.svg, "<use xlink:href='#gpPt6'"), 3 + 1); /* marks, and the legend's */
        EXPECT_EQ(count(w.svg, "<polygon fill = '" BLUE "' fill-opacity = '0.2"), 1 + 1);
        const char *band = strstr(w.svg, "<polygon fill = '" BLUE "' fill-opacity");
        EXPECT(band && read_points(strstr(band, "points = '") + 10, p, 4) == 4);
        EXPECT_NEAR(fmax(p[0][1], p[3][1]), pixel_y(&at, 0.5), 0.3);
        EXPECT_NEAR(fmin(p[0][1], p[3][1]), pixel_y(&at, 1.5), 0.3);
    }
    forget(&w);
}

TEST(plot_areas_stand_on_each_other) {
    static const char *const names[] = {"x", "a", "b"};
    static const double numbers[] = {0, 0.25, 0.75, 1, 0.25, 0.75};
    static const plot_series series[] = {{.title = "a", .kind = PLOT_AREA, .column = 1},
                                         {.title = "b", .kind = PLOT_AREA, .column = 2}};
    plot_panel panel = {.series = series, .n = 2};
    plot_data data = {.names = names, .width = 3, .rows = 2, .numbers = numbers};
    written w = write_figure(&data, &(plot_page){.panels = &panel, .n = 1});
    panel_place at;
    EXPECT(find_panel(w.gp, 0, &at));
    EXPECT(at.y_low == 0 && at.y_high == 1);
    for (int k = 0; k < 2 && w.drawn; k++) {
        const char *area = strstr(w.svg, k == 0 ? "<polygon fill = '" BLUE : "<polygon fill = '" ORANGE);
        double p[4][2] = {{0}}, low = -INFINITY, high = INFINITY;
        if (!area) area = strstr(w.svg, k == 0 ? "rgb( 38" : "rgb(233"); /* mixed with white */
        EXPECT(area && read_points(strstr(area, "points = '") + 10, p, 4) == 4);
        for (int i = 0; i < 4; i++) {
            low = fmax(low, p[i][1]);
            high = fmin(high, p[i][1]);
        }
        EXPECT_NEAR(low, pixel_y(&at, k == 0 ? 0 : 0.25), 0.3);
        EXPECT_NEAR(high, pixel_y(&at, k == 0 ? 0.25 : 1), 0.3);
    }
    forget(&w);
}

TEST(plot_arrows_show_a_field) {
    static const char *const names[] = {"x", "y", "dx", "dy"};
    static const double numbers[4][4] = {{0, 0, 2, 0}, {1, 0, 0, 4}, {0, 10, -1, -5}, {1, 10, 1, 1}};
    static const plot_series series[] = {
        {.title = "field", .kind = PLOT_ARROWS, .column = 1, .dx = 2, .dy = 3}};
    plot_panel panel = {.series = series, .n = 1};
    plot_data data = {.names = names, .width = 4, .rows = 4, .numbers = numbers[0]};
    written w = write_figure(&data, &(plot_page){.panels = &panel, .n = 1});
    panel_place at;
    EXPECT(find_panel(w.gp, 0, &at));
    double x_unit = pixel_x(&at, 1) - pixel_x(&at, 0), y_unit = pixel_y(&at, 1) - pixel_y(&at, 0);
    double apart = sqrt(x_unit * 10 * -y_unit / 4), longest = 0;
    const char *next = w.svg;
    for (int k = 0; k < 4; k++)
        longest = fmax(longest, hypot(numbers[k][2] * x_unit, numbers[k][3] * y_unit));
    for (int k = 0; k < 4 && w.drawn; k++) {
        double head[3][2] = {{0}}, tail[1][2] = {{0}};
        next = strstr(next, "<polygon fill = '" GREY "' points = '");
        EXPECT(next && read_points(strstr(next, "points = '") + 10, head, 3) == 3);
        if (!next) break;
        next = strstr(strstr(next, "d='") + 1, "d='"); /* behind the outline of the head */
        EXPECT_EQ(read_points(next + 3, tail, 1), 1);
        EXPECT_NEAR((head[2][0] + tail[0][0]) / 2, pixel_x(&at, numbers[k][0]), 0.5);
        EXPECT_NEAR((head[2][1] + tail[0][1]) / 2, pixel_y(&at, numbers[k][1]), 0.5);
        EXPECT_NEAR(head[2][0] - tail[0][0], numbers[k][2] * x_unit * apart / longest, 0.7);
        EXPECT_NEAR(head[2][1] - tail[0][1], numbers[k][3] * y_unit * apart / longest, 0.7);
    }
    forget(&w);
}

TEST(plot_logarithmic_axis_leaves_out_what_it_cannot_show) {
    static const char *const names[] = {"x", "y", "lo", "hi"};
    static const double numbers[] = {1, 10, -5, 20, 10, 1000, 100, 2000, 100, 0, 0, 0, 1000, 100, 50, 200};
    static const plot_series series[] = {{.title = "y", .column = 1, .low = 2, .high = 3}};
    plot_panel panel = {.series = series, .n = 1, .log_x = true, .log_y = true};
    plot_data data = {.names = names, .width = 4, .rows = 4, .numbers = numbers};
    written w = write_figure(&data, &(plot_page){.panels = &panel, .n = 1});
    panel_place at;
    EXPECT(find_panel(w.gp, 0, &at));
    EXPECT(at.x_low > 0 && at.x_low <= 1 && at.x_high >= 1000);
    EXPECT(at.y_low > 0 && at.y_low < 10 && at.y_high > 1000);
    EXPECT_HAS(w.gp, "set logscale x\n");
    EXPECT_HAS(w.gp, "set logscale y\n");
    if (w.drawn) {
        const char *path = strstr(w.svg, "<path stroke='" BLUE "'  d='");
        const char *band = strstr(w.svg, "fill-opacity");
        char curve[200] = "";
        double p[4][2] = {{0}}, lowest = 0, leftmost = INFINITY, first = 0;
        EXPECT(path && sscanf(path, "<path stroke='" BLUE "' d='%199[^']", curve) == 1);
        EXPECT_EQ(count(curve, "M"), 2);
        EXPECT_EQ(read_points(curve, p, 1), 1);
        first = p[0][0];
        EXPECT(band && read_points(strstr(band, "points = '") + 10, p, 4) == 4);
        for (int i = 0; i < 4; i++) {
            lowest = fmax(lowest, p[i][1]);
            leftmost = fmin(leftmost, p[i][0]);
        }
        EXPECT_NEAR(lowest, at.at.bottom, 0.3); /* a lower end below 0 is at the edge of the panel */
        EXPECT_NEAR(leftmost, first, 0.3);
    }
    forget(&w);
}

/* Elements are closed in order, no stray '&' or '<', all bytes UTF-8. */
static bool is_well_formed(const char *xml) {
    char open[64][32];
    size_t depth = 0;
    for (const char *c = xml; *c; c++) {
        if ((unsigned char)*c < 0x20 && !strchr("\t\n\r", *c)) return false;
        if (*c == '&' && c[1 + strspn(c + 1, "abcdefghijklmnopqrstuvwxyz#0123456789")] != ';') return false;
        if (*c != '<') continue;
        const char *end = c;
        for (char quote = '\0'; *end && (quote || *end != '>'); end++)
            if (*end == quote) quote = '\0';
            else if (!quote && (*end == '"' || *end == '\'')) quote = *end;
        if (!*end) return false;
        size_t name = strcspn(c + 1, " \t\n>/");
        if (c[1] == '/') {
            name = strcspn(c + 2, " >");
            if (depth == 0 || strlen(open[--depth]) != name) return false;
            if (strncmp(open[depth], c + 2, name) != 0) return false;
        } else if (!strchr("!?", c[1]) && end[-1] != '/') {
            if (depth == COUNT(open) || name >= sizeof open[0]) return false;
            snprintf(open[depth++], sizeof open[0], "%.*s", (int)name, c + 1);
        }
        c = end;
    }
    return depth == 0;
}

TEST(plot_titles_may_hold_anything) {
    static const char ODD[] = "it's `touch a` $(touch b) \"q\" <b> &amp; {x}_^@ \\n %d # \xcf\x80 \x01\xff";
    static const char SEEN[] = "it's `touch a` $(touch b) \"q\" &lt;b> &amp;amp; {x}_^@ \\n %d # \xcf\x80  ?";
    static const plot_series series[] = {{.title = ODD, .column = 1}};
    plot_panel panel = {.title = ODD, .x_label = ODD, .y_label = ODD, .series = series, .n = 1};
    written w = write_figure(&DATA, &(plot_page){.note = ODD, .panels = &panel, .n = 1}); /* no file a or b */
    EXPECT_EQ(count(w.gp, "it''s `touch a` $(touch b)"), 6); /* five texts, and the title of the curve */
    if (w.drawn) {
        EXPECT_EQ(count(w.svg, SEEN), 4); /* the y label is wrapped */
        EXPECT(is_well_formed(w.svg));
    }
    EXPECT(is_well_formed("<?xml?><a b='>'><c/>&lt;</a>"));
    EXPECT(!is_well_formed("<a><b></a>") && !is_well_formed("a & b"));
    forget(&w);
}

TEST(plot_without_numbers_is_still_a_page) {
    plot_panel panel = {.title = "nothing", .series = LEFT, .n = 2};
    plot_data none = {.names = NAMES, .width = 7, .rows = 0, .numbers = NUMBERS};
    written w = write_figure(&none, &(plot_page){.panels = &panel, .n = 1});
    EXPECT_HAS(w.gp, "'nothing'");
    if (w.drawn) EXPECT_HAS(w.svg, "<text>nothing</text>");
    forget(&w);
    static const double lost[] = {0, NAN, NAN, NAN, NAN, NAN, NAN, INFINITY, 1, 1, 1, -INFINITY, 1, 1};
    plot_data gaps = {.names = NAMES, .width = 7, .rows = 2, .numbers = lost};
    w = write_figure(&gaps, &(plot_page){.panels = &panel, .n = 1});
    if (w.drawn) EXPECT_HAS(w.svg, "<text>nothing</text>");
    forget(&w);
}

/* ---- nothing covers anything ---- */

#define GROUP "<g transform=\"translate("

/* Boxes of all texts of a drawing, as wide as in Arial or somewhat less. */
static size_t read_boxes(const char *svg, box *boxes, size_t most) {
    size_t n = 0;
    for (const char *g = strstr(svg, GROUP); g && n < most; g = strstr(g + 1, GROUP)) {
        double x = 0, y = 0, size = 0, letters = 0;
        char anchor[16] = "";
        const char *text = strstr(g, "<text>");
        if (!text || sscanf(g, GROUP "%lf,%lf)", &x, &y) != 2) continue;
        sscanf(strstr(g, "font-size="), "font-size=\"%lf\" text-anchor=\"%15[a-z]", &size, anchor);
        for (const char *c = text + 6; *c && *c != '<'; c++) {
            if (*c == '&') c = strchr(c, ';');
            if ((*c & 0xc0) != 0x80) letters += strchr("ijlftr.,-' ", *c) ? 0.25 : 0.53;
        }
        double wide = size * letters;
        double before = strcmp(anchor, "middle") == 0 ? wide / 2 : strcmp(anchor, "end") == 0 ? wide : 0;
        if (letters == 0) continue;
        if (strncmp(strchr(g, ')'), ") rotate(270", 12) == 0)
            boxes[n++] = (box){x - 0.75 * size, x + 0.2 * size, y + before - wide, y + before};
        else boxes[n++] = (box){x - before, x - before + wide, y - 0.75 * size, y + 0.2 * size};
    }
    return n;
}

static bool touch(const box *a, const box *b) {
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

static void expect_nothing_covered(const written *w, size_t panels) {
    static box boxes[2000];
    double width = 0, height = 0;
    size_t n = read_boxes(w->svg, boxes, COUNT(boxes));
    sscanf(strstr(w->gp, "size "), "size %lf,%lf", &width, &height);
    EXPECT_MSG(n > 4 * panels, "only %zu texts", n);
    for (size_t i = 0; i < n; i++) {
        const box *b = &boxes[i];
        EXPECT_MSG(b->left >= 0 && b->right <= width && b->top >= 0 && b->bottom <= height,
                   "text %zu at %.0f,%.0f leaves the page", i, b->left, b->top);
        for (size_t k = 0; k < i; k++)
            EXPECT_MSG(!touch(b, &boxes[k]), "texts %zu and %zu at %.0f,%.0f and %.0f,%.0f", k, i,
                       boxes[k].left, boxes[k].top, b->left, b->top);
        for (size_t p = 0; p < panels; p++) {
            panel_place place;
            EXPECT(find_panel(w->gp, p, &place));
            EXPECT_MSG(!touch(b, &place.at), "text %zu at %.0f,%.0f covers panel %zu", i, b->left, b->top, p);
        }
    }
}

static const char *words(fm_rng *rng, size_t most, char *text) {
    static const char *const WORD[] = {"leader ", "of ", "Stackelberg ", "10,000 ", "equilibria ", "a ", "W ",
                                       "hyperparameter-free "};
    text[0] = '\0';
    for (size_t n = 1 + fm_rng_below(rng, most); n > 0; n--)
        strcat(text, WORD[fm_rng_below(rng, COUNT(WORD))]);
    return text;
}

/* Pages of all shapes, with texts and numbers of all lengths. */
TEST(plot_texts_cover_neither_curves_nor_each_other) {
    fm_rng rng = fm_rng_split(9, FM_RNG_TEST, 0, 0);
    for (size_t n = 1; n <= 12; n++) {
        static char text[12][6][400];
        static double numbers[51][4];
        static const char *const names[] = {"x", "y", "lo", "hi"};
        plot_series series[12][3];
        plot_panel panels[12];
        char note[1000];
        double size = pow(10, 20 * fm_rng_uniform(&rng) - 8), far = pow(10, (double)n - 3);
        for (int r = 0; r <= 50; r++) { /* so that the last label of x sticks out */
            numbers[r][0] = r * far;
            numbers[r][1] = size * (fm_rng_uniform(&rng) + 0.01);
            numbers[r][2] = numbers[r][1] / 2;
            numbers[r][3] = numbers[r][1] * 2;
        }
        for (size_t p = 0; p < n; p++) {
            for (size_t k = 0; k < 3; k++)
                series[p][k] = (plot_series){
                    .title = words(&rng, 12, text[p][k]), .column = 1, .low = 2, .high = 3};
            panels[p] = (plot_panel){.title = words(&rng, 18, text[p][3]),
                                     .x_label = words(&rng, 8, text[p][4]),
                                     .y_label = words(&rng, 8, text[p][5]),
                                     .log_y = p % 2, .series = series[p], .n = 3};
        }
        plot_data data = {.names = names, .width = 4, .rows = 51, .numbers = numbers[0]};
        plot_page page = {.note = words(&rng, 40, note), .panels = panels, .n = n};
        written w = write_figure(&data, &page);
        EXPECT_EQ(count(w.gp, "\n# panel "), n);
        if (w.drawn) expect_nothing_covered(&w, n);
        forget(&w);
    }
}

TEST_MAIN(CASE(plot_curves_lie_where_the_numbers_are_and_stop_at_gaps), CASE(plot_areas_stand_on_each_other),
          CASE(plot_arrows_show_a_field), CASE(plot_logarithmic_axis_leaves_out_what_it_cannot_show),
          CASE(plot_titles_may_hold_anything), CASE(plot_without_numbers_is_still_a_page),
          CASE(plot_texts_cover_neither_curves_nor_each_other))
